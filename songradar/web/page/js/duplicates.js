// Songs that are the same recording, in pairs, as they are found.

import {address, callLines} from "./api.js";
import {h, icon} from "./dom.js";
import {clock, named, sureness} from "./format.js";
import {player} from "./hearboth.js";
import {problemOf} from "./plays.js";
import {openSong} from "./song.js";
import {t} from "./texts.js";

/** Look for pairs and show them below `root`; gives what stops it. */
export function showDuplicates(root) {
  const looking = new AbortController();
  const state = h("p", {class: "quiet", role: "status"}, t("duplicates.looking"));
  const list = h("ul", {class: "pairs"});
  root.append(state, list);
  const tell = (record) => { if (record.song_id) list.append(pair(record)); };
  callLines("duplicates", tell, {signal: looking.signal}).then(() => {
    if (list.childElementCount) state.textContent = t("duplicates.count", {n: list.childElementCount});
    else state.replaceWith(h("div", {class: "empty"}, icon("note"), h("p", {}, t("duplicates.none"))));
  }, (problem) => problem.name === "AbortError" || state.replaceWith(problemOf(problem)));
  return () => looking.abort();
}

/** Both songs, to be heard where they begin to be the same. */
function pair(record) {
  const other = Object.fromEntries(["song_id", "title", "artist", "duration_s"].map((name) => [name, record[`other_${name}`]]));
  const other_s = record.speed * record.start_s + record.shift_s;
  const facts = [t(`duplicates.${record.relation}`), t("duplicates.overlap", {length: clock(record.overlap_s)}), t("answer.sure", {percent: sureness(record.confidence)})];
  const item = h("li", {class: "card"},
    h("p", {class: "quiet small number"}, facts.join(" · ")),
    h("div", {class: "both"}, song(record, record.start_s), song(other, other_s)));
  return item;

  function song(one, at_s) {
    const open = () => openSong(one.song_id, (isRemoved) => isRemoved && item.remove());
    return h("div", {},
      h("h2", {}, h("button", {type: "button", class: "plain", click: open}, named(one))),
      h("p", {class: "quiet small number"}, clock(one.duration_s)),
      player(t("hear.song", {at: clock(at_s)}), address(`songs/${one.song_id}/audio`), at_s));
  }
}
