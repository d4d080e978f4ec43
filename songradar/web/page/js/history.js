// What was named on this device, newest first.

import {h} from "./dom.js";
import {dateTime, named} from "./format.js";
import {stored, store} from "./storage.js";
import {t} from "./texts.js";

const MOST = 50;

export function remember(match) {
  const {song_id, title, artist} = match;
  store("history", [{song_id, title, artist, at: new Date().toISOString()}, ...(stored("history") ?? [])].slice(0, MOST));
}

/** The list, which `list.update()` reads again. */
export function historyList() {
  const list = h("section", {class: "history"});
  list.update = () => {
    const songs = stored("history") ?? [];
    list.hidden = !songs.length;
    list.replaceChildren(
      h("div", {class: "row between"},
        h("h2", {}, t("history.title")),
        h("button", {type: "button", class: "plain small quiet", click: clear}, t("history.clear"))),
      h("ol", {}, songs.map((song) =>
        h("li", {}, h("a", {href: `#catalogue/${song.song_id}`}, named(song)), h("time", {class: "quiet small", datetime: song.at}, dateTime(song.at))))));
  };
  const clear = () => {
    store("history", []);
    list.update();
  };
  list.update();
  return list;
}
