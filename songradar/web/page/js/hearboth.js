// A place of a recording, to be heard in the recording and in the song, side by side.

import {address} from "./api.js";
import {h} from "./dom.js";
import {takesFiles} from "./files.js";
import {clock, dateTimeRange, sureness} from "./format.js";
import {t} from "./texts.js";

/** The place `at_s` seconds into the recording of a playing, which is a file of this device or the server's. */
export function hearBoth(play, at_s, file) {
  const song_s = play.song_start_s + (at_s - play.start_s) * (play.speed ?? 1);
  const facts = [t("plays.span", {from: clock(play.start_s), to: clock(play.end_s)})];
  if (play.started_at) facts.push(dateTimeRange(play.started_at, play.ended_at));
  if (play.confidence != null) facts.push(t("answer.sure", {percent: sureness(play.confidence)}));
  const recording = file ? URL.createObjectURL(file) : address(`scans/${play.scan_id}/audio`);
  const players = [player(t("hear.recording", {at: clock(at_s)}), recording, at_s, true)];
  if (play.song_id) players.push(player(t("hear.song", {at: clock(song_s)}), address(`songs/${play.song_id}/audio`), song_s));
  return h("section", {class: "card"},
    h("h2", {class: "title", tabindex: -1}, play.title ?? t("plays.unknown")),
    h("p", {class: "artist"}, play.artist ?? ""),
    h("p", {class: "quiet small number"}, facts.join(" · ")),
    h("div", {class: "both"}, players));
}

/** One of two places to be heard. Where the server does not have the recording, it can be taken from this device. */
export function player(label, source, at_s, mayBeChosen = false) {
  const figure = h("figure", {});
  const audio = (src) => h("audio", {controls: true, preload: "none", src: `${src}#t=${Math.max(0, at_s).toFixed(2)}`, "aria-label": label,
    play: (event) => pauseOthers(event.target),
    error: () => figure.replaceChildren(caption, missing())});
  const missing = () => mayBeChosen
    ? takesFiles(t("hear.choose"), ([file]) => figure.replaceChildren(caption, audio(URL.createObjectURL(file))), {note: t("hear.missing")})
    : h("p", {class: "quiet small"}, t("answer.no.audio"));
  const caption = h("figcaption", {class: "small"}, label);
  figure.append(caption, audio(source));
  return figure;
}

function pauseOthers(playing) {
  for (const audio of document.querySelectorAll("audio")) if (audio !== playing) audio.pause();
}
