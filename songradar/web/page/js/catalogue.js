// The songs: search, sort, add, edit, remove.

import {call} from "./api.js";
import {choice, h, icon, notify} from "./dom.js";
import {Duplicates} from "./duplicates.js";
import {takesFiles} from "./files.js";
import {clock, date} from "./format.js";
import {problemCard} from "./problems.js";
import {SongDialogs} from "./song.js";
import {t} from "./texts.js";
import {Uploads} from "./uploads.js";

const PAGE = 50;
const SORTS = ["artist", "title", "album", "length", "added"];
const TYPING_MS = 250;

/**
 * #catalogue lists songs, #catalogue/duplicates looks for songs that are there twice; #catalogue/3 and
 * #catalogue/duplicates/3 open song 3.
 */
export function show(root, parameters) {
  const {isDuplicates, song_id} = meant(parameters);
  const count = h("p", {class: "quiet", role: "status"});
  const views = [["", t("catalogue.songs")], ["/duplicates", t("catalogue.duplicates")]];
  root.append(h("div", {class: "heading"}, h("h1", {}, t("nav.catalogue")), count,
    choice("catalogue", t("nav.catalogue"), views, isDuplicates ? "/duplicates" : "", (view) => { location.hash = `#catalogue${view}`; })));
  const list = isDuplicates ? new Duplicates() : new Catalogue(count);
  root.append(list.element);
  list.load();
  list.songs.follow(song_id);
  return {
    leave: () => list.leave(),
    follow(others) {
      const next = meant(others);
      if (next.isDuplicates !== isDuplicates) return false;
      if (next.song_id) history.replaceState({within: true}, ""); // the list is one step back
      list.songs.follow(next.song_id);
      return true;
    },
  };
}

const meant = ([first, second]) => first === "duplicates" ? {isDuplicates: true, song_id: second} : {isDuplicates: false, song_id: first};

class Catalogue {
  constructor(count) {
    this.count = count;
    this.sort = "artist";
    this.found = [];
    this.songs = new SongDialogs("#catalogue", () => this.load());
    this.search = h("input", {type: "search", "aria-label": t("catalogue.search"), placeholder: t("catalogue.search"), input: () => this.typed()});
    const order = h("select", {"aria-label": t("catalogue.sort"), change: () => {
      this.sort = order.value;
      this.load();
    }}, SORTS.map((name) => h("option", {value: name}, t(`catalogue.sort.${name}`))));
    this.list = h("div", {});
    this.more = h("button", {type: "button", hidden: true, click: () => this.load(this.found.length)}, t("catalogue.more"));
    this.uploads = new Uploads(() => this.load());
    this.element = h("div", {},
      takesFiles(t("catalogue.add"), (files) => this.uploads.add(files), {multiple: true, anywhere: true, note: h("span", {class: "dropping"}, t("catalogue.drop"))}),
      this.uploads.element,
      h("div", {class: "tools"}, this.search, order),
      this.list,
      h("div", {class: "row middle"}, this.more));
  }

  typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.load(), TYPING_MS);
  }

  /** Read the songs from number `offset` on. Of two readings under way, only the later one is shown. */
  async load(offset = 0) {
    this.reading?.abort();
    this.reading = new AbortController();
    const query = {q: this.search.value.trim(), sort: this.sort, limit: PAGE, offset};
    try {
      const {songs, total} = await call("songs", {query, signal: this.reading.signal});
      this.found = offset ? [...this.found, ...songs] : songs;
      this.draw(total);
    } catch (problem) {
      if (problem.name !== "AbortError") this.list.replaceChildren(problemCard(problem));
    }
  }

  draw(total) {
    this.count.textContent = t("songs.count", {n: total});
    this.more.hidden = this.found.length >= total;
    this.list.replaceChildren(this.found.length ? this.table() : this.nothing());
  }

  nothing() {
    const text = this.search.value.trim() ? t("catalogue.nothing") : t("catalogue.empty");
    return h("div", {class: "empty"}, icon("note"), h("p", {}, text));
  }

  table() {
    const columns = ["title", "artist", "album", "length", "added"];
    return h("table", {class: "songs"},
      h("thead", {}, h("tr", {}, columns.map((name) => h("th", {scope: "col", class: name}, t(`song.${name}`))))),
      h("tbody", {}, this.found.map((song) => this.row(song))));
  }

  row(song) {
    return h("tr", {},
      h("th", {scope: "row", class: "title"}, h("a", {href: this.songs.address(song.song_id)}, song.title)),
      h("td", {class: "artist"}, song.artist ?? ""),
      h("td", {class: "album quiet"}, song.album ?? ""),
      h("td", {class: "length number quiet"}, clock(song.duration_s)),
      h("td", {class: "added quiet"}, date(song.added_at)));
  }

  leave() {
    this.reading?.abort();
    if (this.uploads.busy) notify(t("catalogue.still"));
  }
}
