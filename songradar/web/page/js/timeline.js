// The playings of a recording as a picture that can be zoomed and clicked.

import {h, icon, svg} from "./dom.js";
import {clock, named} from "./format.js";
import {hatching, huesOf} from "./hues.js";
import {t} from "./texts.js";

const LANE = 46;
const GAP = 4;
const AXIS = 24;
const STRIP = 14;
const TICK = 44; // room for 1:23:45
const LEAST_S = 5; // of a recording that is seen at once
const OVERLAP_S = 0.5; // from which on two playings need a lane each
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600];

export class Timeline {
  /** `choose(play, at_s)` is called for a playing and a time of the recording. */
  constructor(plays, duration_s, choose) {
    Object.assign(this, {plays, duration_s, choose, from_s: 0, to_s: duration_s, chosen: null});
    this.lanes = lanesOf(plays);
    this.hueOf = huesOf(plays);
    const height = AXIS + (Math.max(0, ...this.lanes) + 1) * (LANE + GAP);
    this.picture = svg("svg", {class: "timeline", height, role: "group", "aria-label": t("timeline.label")});
    this.strip = svg("svg", {class: "strip", height: STRIP, "aria-hidden": "true", pointerdown: (event) => this.jump(event)});
    this.window = h("p", {class: "small quiet number"});
    const button = (name, label, act) => h("button", {type: "button", class: "icon", "aria-label": label, title: label, click: act}, icon(name));
    this.element = h("section", {class: "card timeline-card", keydown: (event) => this.key(event)},
      h("div", {class: "row between"}, this.window, h("div", {class: "row tight"},
        button("left", t("timeline.earlier"), () => this.move(-0.5)),
        button("right", t("timeline.later"), () => this.move(0.5)),
        button("minus", t("timeline.out"), () => this.zoom(2)),
        button("plus", t("timeline.in"), () => this.zoom(0.5)))),
      this.picture, this.strip);
    this.picture.addEventListener("wheel", (event) => this.wheel(event), {passive: false});
    this.drag();
    new ResizeObserver(([entry]) => this.draw(entry.contentRect.width)).observe(this.picture.parentElement);
  }

  get seconds() {
    return this.to_s - this.from_s;
  }

  mark(play) {
    this.chosen = play;
    if (play.end_s < this.from_s || play.start_s > this.to_s) this.see(play.start_s - this.seconds / 2, this.seconds);
    else this.draw();
  }

  /** Show `seconds` from `from_s`, within the recording. */
  see(from_s, seconds) {
    const span_s = Math.min(this.duration_s, Math.max(LEAST_S, seconds));
    this.from_s = Math.max(0, Math.min(this.duration_s - span_s, from_s));
    this.to_s = this.from_s + span_s;
    this.draw();
  }

  zoom(factor, at_s = (this.from_s + this.to_s) / 2) {
    const seconds = Math.min(this.duration_s, Math.max(LEAST_S, this.seconds * factor));
    this.see(at_s - ((at_s - this.from_s) / this.seconds) * seconds, seconds);
  }

  move(share) {
    this.see(this.from_s + share * this.seconds, this.seconds);
  }

  timeAt(event) {
    const box = this.picture.getBoundingClientRect();
    return this.from_s + ((event.clientX - box.left) / box.width) * this.seconds;
  }

  wheel(event) {
    if (event.ctrlKey) this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.timeAt(event));
    else if (event.deltaX) this.move(event.deltaX / this.picture.clientWidth);
    else return;
    event.preventDefault();
  }

  key(event) {
    const act = {"+": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.see(0, this.duration_s),
      ArrowLeft: () => this.move(-0.25), ArrowRight: () => this.move(0.25)}[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  }

  jump(event) {
    const box = this.strip.getBoundingClientRect();
    this.see(((event.clientX - box.left) / box.width) * this.duration_s - this.seconds / 2, this.seconds);
  }

  /** One finger or the mouse moves the picture, two fingers zoom it. */
  drag() {
    const fingers = new Map();
    this.picture.addEventListener("pointerdown", (event) => {
      fingers.set(event.pointerId, event.clientX);
      this.moved = 0;
    });
    this.picture.addEventListener("pointermove", (event) => {
      if (!fingers.has(event.pointerId)) return;
      const before = [...fingers.values()];
      fingers.set(event.pointerId, event.clientX);
      const now = [...fingers.values()];
      const shift = now[0] - before[0];
      this.moved += Math.abs(event.movementX);
      if (now.length === 2) this.zoom(Math.abs(before[0] - before[1]) / Math.max(1, Math.abs(now[0] - now[1])));
      else if (this.moved > 4) this.move(-shift / this.picture.clientWidth);
    });
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, (event) => fingers.delete(event.pointerId));
  }

  draw(width = this.picture.clientWidth || this.width) {
    if (!width) return; // it is not on the page yet
    this.width = width;
    const x = (at_s) => ((at_s - this.from_s) / this.seconds) * width;
    const seen = this.plays.map((play, i) => [play, this.lanes[i]]).filter(([play]) => play.end_s > this.from_s && play.start_s < this.to_s);
    const focused = this.picture.contains(document.activeElement) ? document.activeElement.play : null;
    this.picture.replaceChildren(hatching("unheard"), ...this.ticks(x), ...seen.map(([play, lane]) => this.block(play, lane, x)));
    if (focused) [...this.picture.querySelectorAll("[tabindex]")].find((block) => block.play === focused)?.focus();
    this.window.textContent = t("plays.span", {from: clock(this.from_s), to: clock(this.to_s)});
    this.drawStrip(width);
  }

  block(play, lane, x) {
    const left = Math.max(-10, x(play.start_s));
    const right = Math.min(this.width + 10, x(play.end_s));
    const box = {x: left, y: AXIS + lane * (LANE + GAP), width: Math.max(1.5, right - left - 1), height: LANE};
    const room = Math.min(right, this.width) - Math.max(left, 0) - 14;
    const label = t("timeline.play", {song: named(play), from: clock(play.start_s), to: clock(play.end_s)});
    const inside = svg("svg", {...box, overflow: "visible"},
      svg("rect", {width: "100%", height: "100%", rx: 7, fill: play.title ? null : "url(#unheard)"}),
      svg("text", {x: Math.max(8, 8 - left), y: 19, class: "name"}, fitting(play.title ?? t("plays.unknown"), "600 13px", room)),
      svg("text", {x: Math.max(8, 8 - left), y: 35, class: "by"}, fitting(play.artist ?? "", "400 11.5px", room)));
    const block = svg("g", {class: play.title ? "play" : "play unknown", role: "button", tabindex: 0, "aria-label": label,
      "aria-pressed": String(play === this.chosen),
      click: (event) => this.moved > 4 || this.choose(play, Math.min(play.end_s, Math.max(play.start_s, this.timeAt(event)))),
      keydown: (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        this.choose(play, play.start_s);
      }}, svg("title", {}, label), inside);
    if (play.title) block.style.setProperty("--hue", this.hueOf(play));
    block.play = play;
    return block;
  }

  ticks(x) {
    const step_s = STEPS_S.find((step) => (step / this.seconds) * this.width >= 80) ?? STEPS_S.at(-1);
    const first = Math.ceil(this.from_s / step_s) * step_s;
    const times = Array.from({length: Math.floor((this.to_s - first) / step_s) + 1}, (_, i) => first + i * step_s);
    return times.map((at_s) => svg("g", {class: "tick", "aria-hidden": "true"},
      svg("line", {x1: x(at_s), x2: x(at_s), y1: AXIS - 6, y2: "100%"}),
      svg("text", {...besides(x(at_s), this.width), y: 13}, clock(at_s))));
  }

  /** The whole recording, and which part of it is seen. */
  drawStrip(width) {
    const x = (at_s) => (at_s / this.duration_s) * width;
    const songs = this.plays.filter((play) => play.title).map((play) => {
      const mark = svg("rect", {class: "mark", x: x(play.start_s), width: Math.max(1, x(play.end_s - play.start_s) - 0.5), y: 3, height: STRIP - 6});
      mark.style.setProperty("--hue", this.hueOf(play));
      return mark;
    });
    this.strip.replaceChildren(...songs, svg("rect", {class: "seen", x: x(this.from_s) + 1, y: 1, width: Math.max(4, x(this.seconds) - 2), height: STRIP - 2, rx: 4}));
  }
}

const measure = document.createElement("canvas").getContext("2d");

/** As much of a text as `room` pixels hold, in letters of a weight and size. */
function fitting(text, letter, room) {
  measure.font = `${letter} ${getComputedStyle(document.body).fontFamily}`;
  const fits = (some) => measure.measureText(some).width <= room;
  if (fits(text)) return text;
  const letters = [...text];
  const n = letters.findLastIndex((_, i) => fits(`${letters.slice(0, i).join("").trimEnd()}…`));
  return n < 3 ? "" : `${letters.slice(0, n).join("").trimEnd()}…`;
}

/** Where the text beside a line stands: on its left where there is no room on its right. */
const besides = (x, width) => (x + TICK > width ? {x: x - 4, "text-anchor": "end"} : {x: x + 4});

/** The first lane that is free for each playing, or all but free; they come in order of their starts. */
export function lanesOf(plays) {
  const free_s = [];
  return plays.map((play) => {
    const lane = free_s.findIndex((until_s) => until_s < play.start_s + OVERLAP_S);
    const mine = lane < 0 ? free_s.length : lane;
    free_s[mine] = play.end_s;
    return mine;
  });
}
