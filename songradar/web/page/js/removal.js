// Removing something asks once more, in the same place. It is offered to those who may.

import {call, mayWrite} from "./api.js";
import {h, notify} from "./dom.js";
import {problemText} from "./problems.js";
import {t} from "./texts.js";

/** What removes `path`: a button with the text `ask`, and what it means, `sure`, beside the one that does it. */
export function removal(path, {ask, sure, removed}) {
  const element = h("div", {class: "removal", hidden: true});
  mayWrite().then((may) => { element.hidden = !may; }, () => {}); // the rest of the page tells what is wrong
  const remove = async () => {
    try {
      await call(path, {method: "DELETE"});
      removed();
    } catch (problem) {
      notify(problemText(problem));
    }
  };
  const confirm = h("div", {class: "row", hidden: true},
    h("p", {class: "small"}, sure),
    h("button", {type: "button", class: "danger", click: remove}, t("removal.remove")));
  const begin = h("button", {type: "button", class: "plain danger small", "aria-expanded": "false", click: () => {
    confirm.hidden = !confirm.hidden;
    begin.setAttribute("aria-expanded", String(!confirm.hidden));
  }}, ask);
  element.append(begin, confirm);
  return element;
}
