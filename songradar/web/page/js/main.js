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
let leave = () => {};
let turn = 0;

/** Show the view that the address names: #plays/3 is the view `plays` with the parameter "3". */
async function show() {
  const [name, ...parameters] = location.hash.slice(1).split("/").map(decodeURIComponent);
  const view = name in VIEWS ? name : "listen";
  const mine = ++turn;
  leave();
  leave = () => {};
  for (const link of document.querySelectorAll(".tabs a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${t(`nav.${view}`)} · songradar`;
  const root = h("div", {class: `view ${view}`});
  main.replaceChildren(root);
  const module = await VIEWS[view]();
  if (mine === turn) leave = module.show(root, parameters) ?? (() => {});
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
  await show();
  main.focus();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);

await loadTexts();
showFrame();
await show();
