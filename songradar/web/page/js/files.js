// Files that are dropped, or chosen with a button.

import {h} from "./dom.js";

/** A place that takes files: `take` gets an array of them. */
export function takesFiles(text, take, {multiple = false, note} = {}) {
  const input = h("input", {type: "file", accept: "audio/*,video/*,.flac,.opus,.ape,.wv,.mka", multiple, change: () => {
    if (input.files.length) take([...input.files]);
    input.value = "";
  }});
  const place = h("label", {class: "drop"}, input, h("span", {class: "button"}, text), note && h("span", {class: "quiet small"}, note));
  const over = (event) => {
    event.preventDefault();
    place.classList.toggle("over", event.type === "dragover");
  };
  place.addEventListener("dragover", over);
  place.addEventListener("dragleave", over);
  place.addEventListener("drop", (event) => {
    over(event);
    if (event.dataTransfer.files.length) take([...event.dataTransfer.files]);
  });
  return place;
}
