// The page's words, in the language of the browser or the one that was chosen: texts/<language>.json.

import {stored, store} from "./storage.js";

export const LANGUAGES = {en: "English", de: "Deutsch", zh: "中文"};

let texts = {};
export let language = "en";

/** Read the words of a language [the one chosen before, else the browser's, else English]. */
export async function loadTexts(wanted = stored("language") ?? preferred()) {
  language = wanted in LANGUAGES ? wanted : "en";
  texts = await (await fetch(`texts/${language}.json`)).json();
  document.documentElement.lang = language;
}

export async function chooseLanguage(wanted) {
  store("language", wanted);
  await loadTexts(wanted);
}

const preferred = () => navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in LANGUAGES);

/** The browser's own kind of the language, such as en-GB, for dates and numbers. */
export const locale = () => navigator.languages.find((tag) => tag.startsWith(language)) ?? language;

/**
 * A text, with {names} replaced by values. Where a number `n` is among them, "key.one" and "key.other" say
 * how it is counted.
 */
export function t(key, values = {}) {
  const counted = "n" in values && !(key in texts);
  const form = counted ? new Intl.PluralRules(language).select(values.n) : "";
  const text = texts[counted ? `${key}.${form}` : key] ?? texts[`${key}.other`] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name] ?? "";
    return typeof value === "number" ? value.toLocaleString(locale()) : value;
  });
}

/** Put texts into what index.html marks with data-text and data-label. */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of root.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
}
