// A server that other machines can reach asks for a token, once on each device.

import {beginSession} from "./api.js";
import {h} from "./dom.js";
import {problemLines} from "./problems.js";
import {t} from "./texts.js";

let asking = null;

/** Ask for the token until the server takes it. Several that ask at once share one dialog. */
export function askForToken() {
  asking ??= ask().finally(() => { asking = null; });
  return asking;
}

const ask = () => new Promise((resolve) => {
  const token = h("input", {type: "password", autocomplete: "current-password", required: true, name: "token"});
  const problem = h("p", {class: "problem", role: "alert", hidden: true});
  const enter = async (event) => {
    event.preventDefault();
    try {
      await beginSession(token.value.trim());
      dialog.remove();
      resolve();
    } catch (refusal) {
      problem.hidden = false;
      problem.replaceChildren(...(refusal.status === 401 ? [t("token.wrong")] : problemLines(refusal)));
    }
  };
  const dialog = h("dialog", {"aria-label": t("problem.token"), cancel: (event) => event.preventDefault()},
    h("form", {submit: enter},
      h("h2", {}, t("problem.token")),
      h("label", {class: "field"}, t("token.label"), token),
      problem,
      h("div", {class: "row end"}, h("button", {class: "main"}, t("token.enter")))));
  document.body.append(dialog);
  dialog.showModal();
});
