// What a search brought: the song, where in it the recording lies, and what else it could have been.

import {address, call} from "./api.js";
import {h, icon} from "./dom.js";
import {clock, named, sureness} from "./format.js";
import {t} from "./texts.js";

const WORTH_A_LINE = 0.05; // others with less confidence are not told beside an answer
const NEAR = 0.01; // nor strangers as nearest where nothing was named

/** The cover in the song's file, or a note where there is none. */
export function cover(song_id) {
  const frame = h("div", {class: "cover", "aria-hidden": "true"}, icon("note"));
  const image = h("img", {src: address(`songs/${song_id}/cover`), alt: "", load: () => frame.replaceChildren(image)});
  return frame;
}

/** The card of an accepted match. `card.place(song_s)` moves its clock. */
export function foundCard(matches) {
  const [best, ...others] = matches;
  const place = h("span", {class: "number place"});
  const bar = h("progress", {max: 1, value: 0, "aria-label": t("answer.place")});
  const card = h("article", {class: "card found", "aria-label": named(best)},
    h("div", {class: "song"},
      cover(best.song_id),
      h("div", {},
        h("h2", {class: "title"}, best.title),
        h("p", {class: "artist"}, best.artist ?? ""),
        h("p", {class: "quiet small"}, best.album ?? ""))),
    h("div", {class: "where"}, h("div", {class: "row between"}, place, sure(best.confidence)), bar),
    hearIt(best),
    same(others.filter((other) => other.same_recording)),
    candidates(t("answer.others"), others.filter((other) => !other.same_recording && other.confidence > WORTH_A_LINE)));
  let length_s = null;
  let at_s = best.offset_s;
  card.place = (song_s) => {
    at_s = song_s;
    place.textContent = length_s ? t("answer.of", {at: clock(song_s), length: clock(length_s)}) : t("answer.at", {at: clock(song_s)});
    bar.hidden = !length_s;
    if (length_s) bar.value = Math.max(0, Math.min(1, song_s / length_s));
  };
  card.place(at_s);
  call(`songs/${best.song_id}`).then((song) => {
    length_s = song.duration_s;
    card.place(at_s);
  }, () => {}); // without its length, the place is told all the same
  return card;
}

/** The card of a search that named nothing: plainly so, and what came nearest. */
export function noneCard(matches, reason) {
  return h("article", {class: "card none", "aria-label": t("answer.none")},
    h("h2", {class: "title"}, t("answer.none")),
    h("p", {class: "quiet"}, reason || t("answer.none.why")),
    candidates(t("answer.nearest"), matches.filter((match) => match.confidence >= NEAR).slice(0, 3)));
}

const sure = (confidence) => h("span", {class: "tag good number"}, t("answer.sure", {percent: sureness(confidence)}));

function candidates(title, matches) {
  if (!matches.length) return null;
  return h("section", {class: "others"},
    h("h3", {}, title),
    h("ul", {}, matches.map((match) =>
      h("li", {}, h("span", {}, named(match)), h("span", {class: "quiet number"}, `${clock(match.offset_s)} · ${sureness(match.confidence)}`)))));
}

const same = (matches) => matches.length > 0 &&
  h("p", {class: "quiet small"}, t("answer.same", {n: matches.length}));

/** The song itself, from the place that was heard. */
function hearIt(match) {
  const start_s = Math.max(0, match.offset_s);
  const player = h("audio", {controls: true, preload: "none", hidden: true, "aria-label": named(match),
    src: `${address(`songs/${match.song_id}/audio`)}#t=${start_s.toFixed(2)}`,
    error: () => player.replaceWith(h("p", {class: "quiet small"}, t("answer.no.audio")))});
  const button = h("button", {type: "button", click: () => {
    player.hidden = false;
    button.hidden = true;
    player.play().catch(() => {});
  }}, t("answer.hear"));
  return h("div", {class: "hear"}, button, player);
}
