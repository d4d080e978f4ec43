// The view that listens: one button, and what it brings.

import {Problem, call, upload} from "./api.js";
import {foundCard, noneCard} from "./answer.js";
import {h, icon, svg} from "./dom.js";
import {takesFiles} from "./files.js";
import {clock, named, sureness} from "./format.js";
import {Hearing} from "./hearing.js";
import {historyList, remember} from "./history.js";
import {NoMicrophone} from "./microphone.js";
import {isTooLong, problemLines} from "./problems.js";
import {drawSpectrogram} from "./spectrogram.js";
import {scanLater} from "./scanning.js";
import {t} from "./texts.js";

const TICK_MS = 200;

export function show(root) {
  const listening = new Listening();
  root.append(listening.element);
  listening.greet();
  return {leave: () => listening.stop()};
}

class Listening {
  constructor() {
    this.ring = svg("circle", {class: "certainty", cx: 60, cy: 60, r: 56, pathLength: 100});
    this.label = h("span", {});
    this.button = h("button", {type: "button", class: "listen-button", click: () => (this.hearing ? this.stop() : this.start())},
      svg("svg", {class: "ring", viewBox: "0 0 120 120", "aria-hidden": "true"}, svg("circle", {class: "track", cx: 60, cy: 60, r: 56}), this.ring),
      icon("listen"), this.label);
    this.status = h("p", {class: "status", role: "status"});
    this.detail = h("p", {class: "detail quiet number"});
    this.canvas = h("canvas", {class: "spectrogram", role: "img", "aria-label": t("listen.picture"), hidden: true});
    this.result = h("div", {class: "result"});
    this.history = historyList();
    this.element = h("div", {class: "listening"},
      h("h1", {class: "unseen"}, t("nav.listen")),
      this.button, this.status, this.detail, this.canvas, this.result,
      takesFiles(t("listen.file"), ([file]) => this.identify(file), {anywhere: true}),
      this.history);
    this.become("idle", t("listen.hint"));
  }

  /** Also finds out whether the server wants a token, before anybody has sung in vain. */
  async greet() {
    try {
      const {total} = await call("songs", {query: {limit: 1}});
      if (!total && !this.hearing) this.become("idle", t("listen.empty"));
    } catch (problem) {
      if (!this.hearing) this.fail(...problemLines(problem));
    }
  }

  /** Show a state: idle, opening, listening, found, lost, none or error. */
  become(state, ...text) {
    this.element.dataset.state = state;
    this.label.textContent = t(this.hearing ? "listen.stop" : "listen.button");
    this.button.setAttribute("aria-label", this.hearing ? `${t("listen.listening")} ${t("listen.stop")}` : t("listen.button"));
    this.status.replaceChildren(...text);
    if (state !== "listening") this.detail.textContent = "";
    this.canvas.hidden = !this.hearing;
    this.certainty = state === "found" ? 1 : 0;
  }

  /** How sure the answer is, from 0 to 1: the ring around the button. */
  set certainty(share) {
    this.ring.style.strokeDashoffset = String(100 - 100 * share);
    this.ring.style.opacity = share > 0.02 ? "" : "0";
  }

  async start() {
    this.result.replaceChildren();
    const hearing = new Hearing((event) => this.hearing === hearing && this.on[event.type]?.call(this, event));
    this.hearing = hearing;
    this.become("opening", t("listen.opening"));
    try {
      await hearing.start();
    } catch (error) {
      if (this.hearing !== hearing) return;
      this.stop();
      this.fail(error instanceof NoMicrophone ? t(`listen.${error.reason}`) : String(error));
    }
  }

  /** What is done at each event of a Hearing. */
  on = {
    hearing({analyser}) {
      this.become("listening", t("listen.listening"));
      this.stopDrawing = drawSpectrogram(this.canvas, analyser);
      this.ticking = setInterval(() => this.tick(), TICK_MS);
    },
    silent() {
      if (this.isSilent) return; // it is read aloud once
      this.isSilent = true;
      this.status.textContent = t("listen.silent");
    },
    heard() {
      if (this.isSilent && this.hearing.loud) this.status.textContent = t("listen.listening");
      this.isSilent &&= !this.hearing.loud;
    },
    answer({matched, matches, reason, final}) {
      if (matched) this.find(matches);
      else if (final) this.end(matches, reason);
      else this.guess(matches[0]);
    },
    now({song_s, heard_s}) {
      this.anchor = song_s - heard_s;
    },
    lost() {
      this.stop();
      this.become("lost", t("listen.lost"));
    },
    error({detail}) {
      this.stop();
      this.fail(...problemLines(new Problem(500, "broken-off", detail)));
    },
    closed({clean}) {
      this.stop();
      if (!clean) this.fail(t("listen.broken"));
    },
  };

  guess(match) {
    if (!match) return;
    this.certainty = match.confidence;
    this.maybe = match.confidence > 0.2 ? t("listen.maybe", {song: named(match), percent: sureness(match.confidence)}) : null;
  }

  find(matches) {
    const [best] = matches;
    this.become("found", t("listen.found"));
    this.card = foundCard(matches);
    this.anchor = best.offset_s;
    this.result.replaceChildren(this.card);
    remember(best);
    this.history.update();
    this.tick();
  }

  end(matches, reason) {
    this.stop();
    this.become("none", t("listen.none"));
    this.result.replaceChildren(noneCard(matches, reason));
  }

  tick() {
    if (!this.hearing) return;
    const state = this.element.dataset.state;
    if (state === "listening") this.detail.textContent = this.maybe ?? t("listen.heard", {at: clock(this.hearing.seconds)});
    if (state === "found" && this.anchor != null) this.card.place(this.anchor + this.hearing.seconds);
  }

  stop() {
    this.hearing?.stop();
    this.hearing = this.anchor = this.maybe = this.isSilent = null;
    this.stopDrawing?.();
    clearInterval(this.ticking);
    this.become("idle", this.result.childElementCount ? "" : t("listen.hint"));
  }

  fail(...text) {
    this.become("error", ...text);
  }

  /** Name a recording that is a file. */
  async identify(file) {
    this.stop();
    this.result.replaceChildren();
    this.become("thinking", t("listen.thinking", {file: file.name}));
    try {
      const answer = await upload("identify", file);
      if (answer.matched) {
        this.become("found", t("listen.found"));
        this.result.replaceChildren(foundCard(answer.matches));
        remember(answer.matches[0]);
        this.history.update();
      } else {
        this.become("none", t("listen.none"));
        this.result.replaceChildren(noneCard(answer.matches, answer.reason));
      }
    } catch (problem) {
      const scan = () => {
        scanLater(file);
        location.hash = "#plays";
      };
      this.fail(...problemLines(problem, isTooLong(problem) && h("button", {type: "button", click: scan}, t("listen.scan"))));
    }
  }
}
