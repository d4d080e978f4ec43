// One song in a dialog: hear it, correct what is known of it, remove it.

import {address, call} from "./api.js";
import {cover} from "./answer.js";
import {h, icon, notify} from "./dom.js";
import {clock, dateTime, named} from "./format.js";
import {t} from "./texts.js";

const FIELDS = ["title", "artist", "album", "collection", "isrc", "mbid"];

/** `changed(isRemoved)` is called after it was edited or removed. */
export async function openSong(song_id, changed) {
  let song;
  try {
    song = await call(`songs/${song_id}`);
  } catch (problem) {
    notify(problem.message || t("problem.unreachable"));
    return;
  }
  const dialog = h("dialog", {class: "song-dialog", "aria-label": named(song), close: () => dialog.remove()});
  const done = (isRemoved) => {
    dialog.close();
    changed(isRemoved);
  };
  dialog.append(head(song, dialog), player(song), facts(song), form(song, done), removal(song, done));
  document.querySelector(".view").append(dialog);
  dialog.showModal();
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
      if (Object.keys(changes).length) await call(`songs/${song.song_id}`, {method: "PATCH", json: changes});
      notify(t("song.saved"));
      done(false);
    } catch (error) {
      problem.hidden = false;
      problem.textContent = error.message || t("problem.unreachable");
    }
  };
  return h("form", {submit: save},
    FIELDS.map((name, i) => h("label", {class: "field"}, t(`song.${name}`), inputs[i])),
    problem,
    h("div", {class: "row end"}, h("button", {class: "main"}, t("song.save"))));
}

/** Removing asks once more, in the same place. */
function removal(song, done) {
  const remove = async () => {
    try {
      await call(`songs/${song.song_id}`, {method: "DELETE"});
      notify(t("song.removed", {song: named(song)}));
      done(true);
    } catch (problem) {
      notify(problem.message || t("problem.unreachable"));
    }
  };
  const sure = h("div", {class: "row", hidden: true},
    h("p", {class: "small"}, t("song.remove.sure")),
    h("button", {type: "button", class: "danger", click: remove}, t("song.remove")));
  const ask = h("button", {type: "button", class: "plain danger small", "aria-expanded": "false", click: () => {
    sure.hidden = !sure.hidden;
    ask.setAttribute("aria-expanded", String(!sure.hidden));
  }}, t("song.remove.ask"));
  return h("div", {class: "removal"}, ask, sure);
}
