// What the catalogue was asked, how well it answered, and how long that took.

import {call} from "./api.js";
import {columns, stripes} from "./charts.js";
import {choice, h, icon} from "./dom.js";
import {clock, named, percent} from "./format.js";
import {problemCard} from "./problems.js";
import {locale, t} from "./texts.js";

const SPANS = ["day", "week", "month", "year"];

export function show(root) {
  const body = h("div", {class: "charts"});
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const load = (span) => call("insight", {query: {span, zone}}).then(
    (found) => body.replaceChildren(...(found.searches || found.most_played.length ? charts(found) : [nothing()])),
    (problem) => body.replaceChildren(problemCard(problem)));
  root.append(h("div", {class: "heading"}, h("h1", {}, t("nav.insight")),
    choice("span", t("insight.span"), SPANS.map((span) => [span, t(`insight.${span}`)]), "month", load)), body);
  load("month");
}

const nothing = () => h("div", {class: "empty wide"}, icon("insight"), h("p", {}, t("insight.empty")));

function charts(found) {
  const total = found.stages.find(({stage}) => stage === "total");
  return [
    h("dl", {class: "card wide figures"},
      figure(t("insight.searches"), found.searches.toLocaleString(locale())),
      figure(t("insight.rate"), found.searches ? percent(found.matched / found.searches) : "–"),
      figure(t("insight.median"), total ? milliseconds(total.median_ms) : "–"),
      figure(t("insight.slow"), total ? milliseconds(total.p95_ms) : "–")),
    card(t("insight.time"), "wide", legend(t("insight.matched"), t("insight.unmatched")), overTime(found)),
    card(t("insight.confidence"), "", legend(t("insight.accepted"), t("insight.refused")), histogram(found.confidence)),
    card(t("insight.stages"), "", stages(found.stages)),
    card(t("insight.found"), "", songs(found.most_found, (song) => song.times, (song) => t("insight.times", {n: song.times}))),
    card(t("insight.played"), "", songs(found.most_played, (song) => song.played_s, (song) => clock(song.played_s))),
  ];
}

const card = (title, width, ...children) => h("section", {class: `card ${width}`}, h("h2", {}, title), ...children);

const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {class: "number"}, value));

const legend = (yes, no) => h("p", {class: "legend"}, h("span", {class: "yes"}, yes), h("span", {class: "no"}, no));

/** A time with its unit, which is written alike in all languages. */
export const milliseconds = (ms) =>
  new Intl.NumberFormat(locale(), {maximumSignificantDigits: 3}).format(ms < 1000 ? ms : ms / 1000) + (ms < 1000 ? "\u00a0ms" : "\u00a0s");

function overTime({over_time, bucket}) {
  const form = bucket === "hour" ? {hour: "2-digit", minute: "2-digit", hour12: false} : bucket === "month" ? {month: "short"} : {day: "numeric", month: "short"};
  const label = (at) => new Intl.DateTimeFormat(locale(), form).format(new Date(at));
  const bars = over_time.map(({at, searches, matched}) => ({label: label(at), yes: matched, no: searches - matched}));
  return columns(bars, t("insight.time"), {height: 170});
}

function histogram(bins) {
  const bars = bins.map(({from, to, accepted, refused}) => ({label: percent(from), until: percent(to), yes: accepted, no: refused}));
  return columns(bars, t("insight.confidence"), {height: 170});
}

const stages = (found) =>
  stripes(found.map(({stage, median_ms, p95_ms}) => ({
    name: t(`insight.stage.${stage}`),
    value: median_ms,
    note: t("insight.median.slow", {median: milliseconds(median_ms), slow: milliseconds(p95_ms)}),
  })));

function songs(found, value, note) {
  if (!found.length) return h("p", {class: "quiet"}, t("insight.none"));
  return stripes(found.map((song) => ({
    name: song.song_id ? h("a", {href: `#catalogue/${song.song_id}`}, named(song)) : named(song),
    value: value(song),
    note: note(song),
  })));
}
