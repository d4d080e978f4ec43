// Songs that are the same recording, in pairs, as they are found.

import {address, callLines} from "./api.js";
import {h, icon} from "./dom.js";
import {clock, named, sureness} from "./format.js";
import {player} from "./hearboth.js";
import {problemCard} from "./problems.js";
import {SongDialogs} from "./song.js";
import {t} from "./texts.js";

export class Duplicates {
  constructor() {
    this.looking = new AbortController();
    this.songs = new SongDialogs("#catalogue/duplicates", (song) => this.changed(song));
    this.state = h("div", {role: "status"}, h("p", {class: "quiet"}, t("duplicates.looking")));
    this.list = h("ul", {class: "pairs"});
    this.element = h("div", {}, this.state, this.list);
  }

  async load() {
    const tell = (record) => { if (record.song_id) this.list.append(this.pair(record)); };
    try {
      await callLines("duplicates", tell, {signal: this.looking.signal});
      this.isDone = true;
      this.count();
    } catch (problem) {
      if (problem.name !== "AbortError") this.state.replaceChildren(problemCard(problem));
    }
  }

  count() {
    const n = this.list.childElementCount;
    this.state.replaceChildren(n
      ? h("p", {class: "quiet"}, t("duplicates.count", {n}))
      : h("div", {class: "empty"}, icon("note"), h("p", {}, t("duplicates.none"))));
  }

  /** A song that is gone takes its pairs with it; one that was edited has its new name in all of them. */
  changed(song) {
    for (const link of this.list.querySelectorAll(`a[href="${this.songs.address(song.song_id)}"]`)) {
      if (song.removed) link.closest("li").remove();
      else link.textContent = named(song);
    }
    if (this.isDone) this.count();
  }

  /** Both songs, to be heard where they begin to be the same. */
  pair(record) {
    const other = Object.fromEntries(["song_id", "title", "artist", "duration_s"].map((name) => [name, record[`other_${name}`]]));
    const other_s = record.speed * record.start_s + record.shift_s;
    const facts = [t(`duplicates.${record.relation}`), t("duplicates.overlap", {length: clock(record.overlap_s)}), t("answer.sure", {percent: sureness(record.confidence)})];
    return h("li", {class: "card"},
      h("p", {class: "quiet small number"}, facts.join(" · ")),
      h("div", {class: "both"}, this.song(record, record.start_s), this.song(other, other_s)));
  }

  song(one, at_s) {
    return h("div", {},
      h("h2", {}, h("a", {href: this.songs.address(one.song_id)}, named(one))),
      h("p", {class: "quiet small number"}, clock(one.duration_s)),
      player(t("hear.song", {at: clock(at_s)}), address(`songs/${one.song_id}/audio`), at_s));
  }

  leave() {
    this.looking.abort();
  }
}
