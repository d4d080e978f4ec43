// Elements without a framework: h("p", {class: "quiet"}, "text", child).

const SVG = "http://www.w3.org/2000/svg";

/** An element. Attributes that are functions listen, those that are false or null are left out; texts are never HTML. */
export const h = (tag, attributes, ...children) => filled(document.createElement(tag), attributes, children);

/** The same in a drawing. */
export const svg = (tag, attributes, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** A drawing of icons.svg. */
export const icon = (name) =>
  svg("svg", {viewBox: "0 0 24 24", "aria-hidden": "true"}, svg("use", {href: `icons.svg#${name}`}));

/** Tell something in passing: it is shown for a while, and read aloud. */
export function notify(text) {
  const line = h("p", {}, text);
  document.getElementById("notice").replaceChildren(line);
  setTimeout(() => line.remove(), 6000);
}

/** Scroll as little as shows all of an element, at once where the device asks for little motion. */
export function reveal(element) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({block: "nearest", behavior: calm ? "instant" : "smooth"});
}

/** The colour that a custom property has just now, as "rgb(…)". */
export function colour(name) {
  const probe = document.body.appendChild(h("i", {hidden: true}));
  probe.style.color = `var(${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** One of `options`, [value, text] each, as radio buttons that look like one control. */
export function choice(name, label, options, chosen, choose) {
  const buttons = options.map(([value, text]) =>
    h("label", {},
      h("input", {type: "radio", name, value, checked: value === chosen, change: () => choose(value)}),
      h("span", {}, text)));
  return h("fieldset", {class: "choice"}, h("legend", {class: "unseen"}, label), buttons);
}

/** A button that opens a list of links below itself, until one of them or anything else is chosen. */
export function menu(text, links) {
  const close = () => { element.open = false; };
  const leave = (event) => element.contains(event.target) || close();
  const element = h("details", {class: "menu",
    toggle: () => (element.open ? addEventListener : removeEventListener)("pointerdown", leave),
    keydown: (event) => {
      if (event.key !== "Escape") return;
      close();
      element.firstChild.focus();
    }},
    h("summary", {class: "button"}, text),
    h("ul", {class: "card", click: close}, links.map((link) => h("li", {}, link))));
  return element;
}
