// Files of this device that the server scans.

import {upload} from "./api.js";
import {h} from "./dom.js";
import {clock, named} from "./format.js";
import {problemCard} from "./problems.js";
import {t} from "./texts.js";

/** The files of scans that were made here, by number: they are heard from here, also where the server keeps none. */
export const scanned = new Map();

let next = null;

/** Have the view of recordings scan a file as soon as it is shown. */
export function scanLater(file) {
  next = file;
}

/** The file that is to be scanned, once. */
export function wanted() {
  const file = next;
  next = null;
  return file;
}

/** Scan a file, telling in `state` how far it has come, and show what was found. */
export async function scanFile(file, query, state) {
  const bar = h("progress", {max: 1, value: 0, "aria-label": file.name});
  const text = h("p", {class: "small quiet", role: "status"}, t("upload.sending"));
  state.replaceChildren(h("div", {class: "card scanning"}, h("p", {}, file.name), bar, text));
  const progress = (share) => {
    bar.value = share;
    if (share === 1) {
      bar.removeAttribute("value");
      text.textContent = t("plays.scanning");
    }
  };
  let number = null;
  const line = (record) => {
    number = record.scan_id ?? number;
    if (record.steps) bar.value = record.step / record.steps;
    if (record.title) text.textContent = `${clock(record.start_s)} ${named(record)}`;
  };
  try {
    await upload("scans", file, {query, progress, line});
    if (number) scanned.set(number, file);
    if (state.isConnected) location.hash = number ? `#plays/${number}` : "#plays";
  } catch (problem) {
    state.replaceChildren(problemCard(problem));
  }
}
