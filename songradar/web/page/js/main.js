// The frame of the page: which view is shown, in which language and colours.

import {h, icon} from "./dom.js";
import {LANGUAGES, chooseLanguage, language, loadTexts, t, translate} from "./texts.js";
import {stored, store} from "./storage.js";

const VIEWS = {
  listen: () => import("./listen.js"),
  catalogue: () => import("./catalogue.js"),
  plays: () => import("./plays.js"),
  insight: () => import("./insight.js"),
};
const THEMES = {system: "system", light: "sun", dark: "moon"};

const main = document.getElementById("main");
let shown = {};
let turn = 0;

/** What the address names: #plays/3 is the view `plays` with the parameter "3". */
function named() {
  const [name, ...parameters] = location.hash.slice(1).split("/").map(decodeURIComponent);
  return {view: name in VIEWS ? name : "listen", parameters};
}

/**
 * Show the view that the address names. A view may give `leave()`, called when another takes its place, and
 * `follow(parameters)`, which says whether it shows other parameters by itself.
 */
async function show() {
  const {view, parameters} = named();
  const mine = ++turn;
  shown.leave?.();
  shown = {};
  for (const link of document.querySelectorAll(".tabs a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${t(`nav.${view}`)} · songradar`;
  const root = h("div", {class: `view ${view}`});
  main.replaceChildren(root);
  const module = await VIEWS[view]();
  if (mine === turn) shown = {view, ...module.show(root, parameters)};
}

function showFrame() {
  translate(document);
  const select = document.getElementById("language");
  select.replaceChildren(...Object.entries(LANGUAGES).map(([tag, name]) =>
    h("option", {value: tag, lang: tag, selected: tag === language}, name)));
  showTheme();
}

function showTheme() {
  const theme = stored("theme") ?? "system";
  document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  button.replaceChildren(icon(THEMES[theme]));
  const label = t("settings.theme", {theme: t(`settings.theme.${theme}`)});
  button.setAttribute("aria-label", label);
  button.title = label;
}

document.getElementById("theme").addEventListener("click", () => {
  const names = Object.keys(THEMES);
  store("theme", names[(names.indexOf(stored("theme") ?? "system") + 1) % names.length]);
  showTheme();
});
document.getElementById("language").addEventListener("change", async (event) => {
  await chooseLanguage(event.target.value);
  showFrame();
  await show();
});
document.getElementById("skip").addEventListener("click", () => main.focus());
addEventListener("hashchange", async () => {
  const {view, parameters} = named();
  if (view === shown.view && shown.follow?.(parameters)) return;
  await show();
  main.focus();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);

await loadTexts();
showFrame();
await show();
