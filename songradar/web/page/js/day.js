// A day of a station: 24 hours, one below the other.

import {call, callAll} from "./api.js";
import {h, icon, reveal, svg} from "./dom.js";
import {named, timeOfDay} from "./format.js";
import {hatching, huesOf} from "./hues.js";
import {hearBoth} from "./hearboth.js";
import {problemCard} from "./problems.js";
import {t} from "./texts.js";

const ROW = 22;
const LABEL = 30;
const AXIS = 20;
const HOUR_MS = 3_600_000;

/** `day` is an ISO date [the newest that has plays, else today]. */
export async function showDay(root, day) {
  try {
    drawDay(root, day ?? isoDay(await newest()));
  } catch (problem) {
    root.append(problemCard(problem));
  }
}

/** When the last of all playings began of which that is known. */
async function newest() {
  const known = {from: new Date(0).toISOString(), limit: 1};
  const {total} = await call("plays", {query: known});
  if (!total) return new Date();
  const {plays: [last]} = await call("plays", {query: {...known, offset: total - 1}});
  return new Date(last.started_at);
}

function drawDay(root, day) {
  const go = (date) => { location.hash = `#plays/day/${date}`; };
  const station = h("select", {"aria-label": t("day.station"), change: () => draw()});
  const picture = h("div", {class: "card"});
  const heard = h("div", {class: "heard"});
  const step = (days) => go(isoDay(new Date(midnight(day).getTime() + days * 24 * HOUR_MS + HOUR_MS * 2)));
  root.append(
    h("div", {class: "row day-tools"},
      h("button", {type: "button", class: "icon", "aria-label": t("day.before"), click: () => step(-1)}, icon("left")),
      h("input", {type: "date", value: day, "aria-label": t("plays.day"), change: (event) => event.target.value && go(event.target.value)}),
      h("button", {type: "button", class: "icon", "aria-label": t("day.after"), click: () => step(1)}, icon("right")),
      station,
      h("button", {type: "button", click: () => save(chosen(), day)}, "CSV")),
    picture, heard);
  let plays = [];
  const chosen = () => plays.filter((play) => !station.value || play.recording === station.value);
  const choose = (play, at_s) => {
    heard.replaceChildren(hearBoth(play, at_s));
    reveal(heard);
  };
  const draw = () => {
    const shown = chosen();
    picture.replaceChildren(shown.length
      ? new Day(shown, midnight(day).getTime(), choose).element
      : h("div", {class: "empty"}, icon("plays"), h("p", {}, t("day.empty"))));
  };
  const until = new Date(midnight(day).getTime() + 24 * HOUR_MS);
  callAll("plays", "plays", {from: midnight(day).toISOString(), to: until.toISOString()}).then((found) => {
    plays = found;
    const names = [...new Set(plays.map((play) => play.recording))].sort();
    station.replaceChildren(h("option", {value: ""}, t("day.all")), ...names.map((name) => h("option", {}, name)));
    draw();
  }, (problem) => picture.replaceChildren(problemCard(problem)));
}

class Day {
  constructor(plays, begin_ms, choose) {
    Object.assign(this, {plays, begin_ms, choose, hueOf: huesOf(plays)});
    this.picture = svg("svg", {class: "day", height: AXIS + 24 * ROW, role: "group", "aria-label": t("day.label")});
    this.element = h("div", {}, this.picture);
    new ResizeObserver(([entry]) => this.draw(entry.contentRect.width)).observe(this.element);
  }

  draw(width) {
    if (width <= LABEL) return; // it is not on the page yet
    const x = (minutes) => LABEL + (minutes / 60) * (width - LABEL);
    const hours = Array.from({length: 24}, (_, hour) => svg("text", {class: "hour", x: 0, y: AXIS + hour * ROW + 15}, String(hour).padStart(2, "0")));
    const minutes = [0, 15, 30, 45].map((minute) => svg("g", {class: "tick"},
      svg("line", {x1: x(minute), x2: x(minute), y1: AXIS - 4, y2: "100%"}), svg("text", {x: x(minute) + 3, y: 11}, `:${String(minute).padStart(2, "0")}`)));
    this.picture.replaceChildren(hatching("unheard-day"), ...minutes, ...hours, ...this.plays.map((play) => this.block(play, x)));
  }

  /** A playing, in a piece for each hour that it touches. */
  block(play, x) {
    const from = (Date.parse(play.started_at) - this.begin_ms) / HOUR_MS;
    const to = (Date.parse(play.ended_at) - this.begin_ms) / HOUR_MS;
    const pieces = [];
    for (let hour = Math.max(0, Math.floor(from)); hour < Math.min(24, to); hour++) {
      const left = x(60 * Math.max(0, from - hour));
      const right = x(60 * Math.min(1, to - hour));
      pieces.push(svg("rect", {x: left, y: AXIS + hour * ROW + 2, width: Math.max(1, right - left - 0.5), height: ROW - 4, rx: 3,
        fill: play.title ? null : "url(#unheard-day)"}));
    }
    const label = t("timeline.play", {song: named(play), from: timeOfDay(play.started_at), to: timeOfDay(play.ended_at)});
    const act = () => this.choose(play, play.start_s);
    const block = svg("g", {class: play.title ? "play" : "play unknown", role: "button", tabindex: 0, "aria-label": label, click: act,
      keydown: (event) => event.key === "Enter" && act()}, svg("title", {}, label), pieces);
    if (play.title) block.style.setProperty("--hue", this.hueOf(play));
    return block;
  }
}

/** The day's playings as a table of comma-separated values (RFC 4180). */
function save(plays, day) {
  const columns = ["recording", "started_at", "ended_at", "song_id", "title", "artist", "confidence"];
  const cell = (value) => (/[",\r\n]/.test(value ?? "") ? `"${value.replaceAll('"', '""')}"` : (value ?? ""));
  const lines = [columns, ...plays.map((play) => columns.map((name) => cell(play[name])))].map((line) => line.join(","));
  const link = h("a", {download: `${day}.csv`, href: URL.createObjectURL(new Blob([lines.join("\r\n") + "\r\n"], {type: "text/csv"}))});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const midnight = (day) => new Date(`${day}T00:00`);

const isoDay = (date) => [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
