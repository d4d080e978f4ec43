// What was played when: the recordings that were scanned, one of them as a timeline, or a day of a station.

import {address, call, callAll} from "./api.js";
import {showDay} from "./day.js";
import {choice, h, icon, menu, notify, reveal} from "./dom.js";
import {takesFiles} from "./files.js";
import {change, clock, dateTime, dateTimeRange, named, sureness, timeBeside} from "./format.js";
import {hearBoth} from "./hearboth.js";
import {problemCard} from "./problems.js";
import {removal} from "./removal.js";
import {scanFile, scanned, wanted} from "./scanning.js";
import {t} from "./texts.js";
import {Timeline} from "./timeline.js";

const MOST = 100;

/** Reports that the server writes of a scan. */
const FORMATS = ["csv", "cue", "tracklist", "table", "m3u", "vtt", "labels", "chapters", "json"];

/** #plays lists recordings, #plays/3 is the timeline of scan 3, #plays/day/2026-11-24 a day. */
export function show(root, [what, day]) {
  if (what && what !== "day") {
    showScan(root, what);
    return;
  }
  const views = [["", t("plays.recordings")], ["/day", t("plays.day")]];
  root.append(h("div", {class: "heading"}, h("h1", {}, t("nav.plays")),
    choice("plays", t("nav.plays"), views, what ? "/day" : "", (view) => { location.hash = `#plays${view}`; })));
  const body = root.appendChild(h("div", {}));
  if (what) showDay(body, day);
  else showScans(body);
}

async function showScans(root) {
  const list = h("div", {});
  const state = h("div", {});
  const keep = h("input", {type: "checkbox"});
  const began = h("input", {type: "datetime-local"});
  const asked = h("div", {class: "row between asked"}, h("label", {class: "field"}, t("plays.began"), began));
  const take = ([file]) => scanFile(file, {keep_recording: keep.checked, began: began.value && new Date(began.value).toISOString()}, state);
  root.append(asked, takesFiles(t("plays.scan"), take, {anywhere: true, note: t("plays.scan.note")}), state, list);
  const file = wanted();
  if (file) take([file]);
  try {
    const {scans, recordings_days: n} = await call("scans", {query: {limit: MOST}});
    asked.append(h("label", {class: "check small"}, keep, t("plays.keep", {n})));
    list.replaceChildren(scans.length ? scanList(scans) : h("div", {class: "empty"}, icon("plays"), h("p", {}, t("plays.empty"))));
  } catch (problem) {
    list.replaceChildren(problemCard(problem));
  }
}

const scanList = (scans) =>
  h("ul", {class: "scans"}, scans.map((scan) =>
    h("li", {}, h("a", {class: "card", href: `#plays/${scan.scan_id}`},
      h("span", {class: "name"}, fileName(scan.recording)),
      h("span", {class: "quiet small number"}, [
        dateTime(scan.began_at ?? scan.scanned_at),
        clock(scan.duration_s ?? scan.scanned_s),
        t("plays.count", {n: scan.plays}),
      ].join(" · ")),
      !scan.finished_at && h("span", {class: "tag"}, t("plays.unfinished"))))));

async function showScan(root, number) {
  root.append(h("a", {class: "back", href: "#plays"}, icon("left"), t("plays.recordings")));
  try {
    const [scan, plays] = await Promise.all([call(`scans/${number}`), callAll(`scans/${number}/plays`, "plays")]);
    drawScan(root, scan, plays);
  } catch (problem) {
    root.append(problemCard(problem));
  }
}

function drawScan(root, scan, plays) {
  const heard = h("div", {class: "heard", role: "region", "aria-live": "polite", "aria-label": t("plays.heard")});
  const choose = (play, at_s) => {
    heard.replaceChildren(hearBoth(play, at_s, scanned.get(scan.scan_id)));
    timeline.mark(play);
    for (const row of rows.querySelectorAll("tr")) row.classList.toggle("chosen", row.play === play);
    reveal(heard);
  };
  const chooseRow = (play) => {
    choose(play, play.start_s);
    heard.querySelector("h2").focus({preventScroll: true}); // the row may have left the screen
  };
  const duration_s = scan.duration_s ?? Math.max(scan.scanned_s, ...plays.map((play) => play.end_s));
  const timeline = new Timeline(plays, duration_s, choose);
  const rows = playTable(scan, plays, chooseRow);
  root.append(
    h("div", {class: "heading"}, h("div", {class: "names"}, h("h1", {}, fileName(scan.recording)), span(scan, duration_s)), exports(scan)),
    timeline.element, heard, rows, scanRemoval(scan));
}

/** When the recording was made, if that is known. */
function span({began_at}, duration_s) {
  if (!began_at) return null;
  return h("p", {class: "quiet small number"}, dateTimeRange(began_at, Date.parse(began_at) + duration_s * 1000));
}

const exports = (scan) =>
  menu(t("export.open"), FORMATS.map((format) =>
    h("a", {href: address(`scans/${scan.scan_id}/report`, {format}), download: ""}, t(`export.${format}`))));

const scanRemoval = (scan) => removal(`scans/${scan.scan_id}`, {
  ask: t("plays.remove.ask"),
  sure: t("plays.remove.sure"),
  removed() {
    notify(t("plays.removed", {name: fileName(scan.recording)}));
    location.replace("#plays");
  },
});

/** The same playings for those who read rather than look. */
function playTable(scan, plays, choose) {
  const time = (at) => at && h("span", {class: "small quiet"}, timeBeside(at, scan.began_at));
  return h("table", {class: "plays-table"},
    h("thead", {}, h("tr", {}, ["from", "to", "song", "speed", "confidence"].map((name) => h("th", {scope: "col", class: `${name}-column`}, t(`plays.${name}`))))),
    h("tbody", {}, plays.map((play) => {
      const row = h("tr", {},
        h("td", {class: "number"}, clock(play.start_s), time(play.started_at)),
        h("td", {class: "number"}, clock(play.end_s), time(play.ended_at)),
        h("th", {scope: "row"}, play.title
          ? h("button", {type: "button", class: "plain", click: () => choose(play)}, named(play))
          : h("span", {class: "quiet"}, named(play))),
        h("td", {class: "number speed quiet"}, play.speed && Math.abs(play.speed - 1) > 0.002 ? change(play.speed) : ""),
        h("td", {class: "number quiet"}, play.confidence == null ? "" : sureness(play.confidence)));
      row.play = play;
      return row;
    })));
}

export const fileName = (path) => path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;
