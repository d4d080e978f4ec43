// Files on their way into the catalogue, one after another, each with its progress and what became of it.

import {upload} from "./api.js";
import {h} from "./dom.js";
import {named} from "./format.js";
import {problemCard} from "./problems.js";
import {t} from "./texts.js";

export class Uploads {
  /** `changed` is called whenever the catalogue has become another one. */
  constructor(changed) {
    this.changed = changed;
    this.waiting = [];
    this.busy = false;
    this.element = h("ul", {class: "uploads", "aria-live": "polite"});
  }

  add(files) {
    for (const file of files) {
      const bar = h("progress", {max: 1, value: 0, "aria-label": file.name});
      const state = h("span", {class: "tag"}, t("upload.waiting"));
      const line = h("li", {}, h("div", {class: "row between"}, h("span", {}, file.name), state), bar);
      this.element.append(line);
      this.waiting.push({file, bar, state});
    }
    if (!this.busy) this.work();
  }

  async work() {
    this.busy = true;
    while (this.waiting.length) await this.send(this.waiting.shift());
    this.busy = false;
  }

  async send({file, bar, state}) {
    const progress = (share) => {
      bar.value = share;
      if (share === 1) bar.removeAttribute("value"); // it is being listened to, and nobody knows how long that takes
      state.textContent = t(share === 1 ? "upload.encoding" : "upload.sending");
    };
    try {
      let done = {};
      await upload("ingest", file, {progress, line: (record) => { if (record.outcome) done = record; }});
      state.textContent = t(`upload.${done.outcome.replaceAll(" ", ".")}`);
      state.classList.add(done.outcome === "failed" ? "bad" : "good");
      for (const twin of done.twins ?? []) bar.before(h("p", {class: "small quiet"}, t("upload.twin", {song: named(twin)})));
      if (done.reason) state.after(h("span", {class: "small quiet"}, done.reason));
      if (done.outcome !== "failed") this.changed();
    } catch (problem) {
      state.textContent = t("upload.failed");
      state.classList.add("bad");
      bar.before(problemCard(problem));
    }
    bar.hidden = true;
  }
}
