// One song in a dialog: hear it, correct what is known of it, remove it.

import {address, call} from "./api.js";
import {cover} from "./answer.js";
import {h, icon, notify} from "./dom.js";
import {clock, dateTime, named} from "./format.js";
import {problemLines, problemText} from "./problems.js";
import {removal} from "./removal.js";
import {t} from "./texts.js";

const FIELDS = ["title", "artist", "album", "collection", "isrc", "mbid"];

/**
 * Opens the songs that the address names below `base`, such as #catalogue/3, and closes them with it: Back closes a song.
 * `changed(song)` is called after one was edited, or removed, when it is {song_id, removed: true}.
 */
export class SongDialogs {
  constructor(base, changed) {
    Object.assign(this, {base, changed, dialog: null});
  }

  address(song_id) {
    return `${this.base}/${song_id}`;
  }

  /** Show this song, or none. */
  async follow(song_id) {
    this.wanted = song_id;
    this.dialog?.close();
    if (!song_id) return;
    try {
      const song = await call(`songs/${song_id}`);
      if (this.wanted === song_id) this.open(song);
    } catch (problem) {
      notify(problemText(problem));
      this.leave(song_id);
    }
  }

  open(song) {
    const dialog = h("dialog", {class: "song-dialog", "aria-label": named(song), close: () => {
      dialog.remove();
      this.leave(song.song_id);
    }});
    const done = (now) => {
      dialog.close();
      this.changed(now);
    };
    dialog.append(head(song, dialog), player(song), facts(song), form(song, done), songRemoval(song, done));
    document.querySelector(".view").append(dialog);
    dialog.showModal();
    this.dialog = dialog;
  }

  /** The address no longer names the song. */
  leave(song_id) {
    if (location.hash !== this.address(song_id)) return;
    if (history.state?.within) history.back();
    else history.replaceState(null, "", this.base);
  }
}

const head = (song, dialog) =>
  h("div", {class: "song"},
    cover(song.song_id),
    h("div", {}, h("h2", {class: "title"}, song.title), h("p", {}, song.artist ?? "")),
    h("button", {type: "button", class: "icon close", "aria-label": t("dialog.close"), click: () => dialog.close()}, icon("close")));

function player(song) {
  const audio = h("audio", {controls: true, preload: "none", src: address(`songs/${song.song_id}/audio`), "aria-label": named(song),
    error: () => audio.replaceWith(h("p", {class: "quiet small"}, t("answer.no.audio")))});
  return audio;
}

const facts = (song) =>
  h("p", {class: "quiet small"}, [
    clock(song.duration_s),
    t("song.since", {date: dateTime(song.added_at)}),
    t("song.found", {n: song.times_found}),
  ].join(" · "));

function form(song, done) {
  const problem = h("p", {class: "problem", role: "alert", hidden: true});
  const inputs = FIELDS.map((name) => h("input", {name, value: song[name] ?? "", required: name === "title", maxlength: 1000, autocomplete: "off"}));
  const save = async (event) => {
    event.preventDefault();
    const changes = Object.fromEntries(inputs.filter((input) => input.value !== (song[input.name] ?? "")).map((input) => [input.name, input.value]));
    try {
      const now = Object.keys(changes).length ? await call(`songs/${song.song_id}`, {method: "PATCH", json: changes}) : song;
      notify(t("song.saved"));
      done(now);
    } catch (error) {
      problem.hidden = false;
      problem.replaceChildren(...problemLines(error));
    }
  };
  return h("form", {submit: save},
    FIELDS.map((name, i) => h("label", {class: "field"}, t(`song.${name}`), inputs[i])),
    problem,
    h("div", {class: "row end"}, h("button", {class: "main"}, t("song.save"))));
}

const songRemoval = (song, done) => removal(`songs/${song.song_id}`, {
  ask: t("song.remove.ask"),
  sure: t("song.remove.sure"),
  removed() {
    notify(t("song.removed", {song: named(song)}));
    done({song_id: song.song_id, removed: true});
  },
});
