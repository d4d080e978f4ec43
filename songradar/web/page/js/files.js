// Files that are dropped, or chosen with a button.

import {h} from "./dom.js";

/** A button that takes files: `take` gets an array of them. They may be dropped onto it, or `anywhere` on the page. */
export function takesFiles(text, take, {multiple = false, anywhere = false, note} = {}) {
  const input = h("input", {type: "file", accept: "audio/*,video/*,.flac,.opus,.ape,.wv,.mka", multiple, change: () => {
    if (input.files.length) take([...input.files]);
    input.value = "";
  }});
  const place = h("label", {class: "drop"}, input, h("span", {class: "button"}, text), note && h("span", {class: "quiet small"}, note));
  const over = (event) => {
    event.preventDefault();
    place.classList.toggle("over", event.type === "dragover");
  };
  const drop = (event) => {
    over(event);
    const files = [...event.dataTransfer.files];
    if (files.length) take(multiple ? files : files.slice(0, 1));
  };
  const target = anywhere ? document : place;
  for (const [name, act] of [["dragover", over], ["dragleave", over], ["drop", drop]]) {
    target.addEventListener(name, function listener(event) {
      if (place.isConnected) act(event);
      else target.removeEventListener(name, listener);
    });
  }
  return place;
}
