// Two kinds of charts: columns of two parts, and a list with stripes.

import {h, svg} from "./dom.js";
import {t} from "./texts.js";

const LEFT = 34;
const BELOW = 20;
const ABOVE = 8;
const LABEL = 58; // room for a date

/** Columns {label, yes, no}, drawn again whenever there is more or less room. The numbers are read aloud as a table. */
export function columns(bars, title, {height}) {
  const most = Math.max(1, ...bars.map(({yes, no}) => yes + no));
  const picture = svg("svg", {class: "chart", height, "aria-hidden": "true"});
  const frame = h("div", {}, picture, readAloud(bars, title));
  const y = (value) => ABOVE + (height - ABOVE - BELOW) * (1 - value / most);
  new ResizeObserver(([{contentRect: {width}}]) => {
    if (width <= LEFT) return; // it is not on the page yet, or not any more
    const step = (width - LEFT) / bars.length;
    const every = Math.ceil(LABEL / step);
    picture.replaceChildren(
      ...[0, Math.ceil(most / 2), most].map((value) => svg("g", {},
        svg("line", {class: "axis", x1: LEFT, x2: width, y1: y(value), y2: y(value)}),
        svg("text", {x: LEFT - 6, y: y(value) + 4, "text-anchor": "end"}, String(value)))),
      ...bars.flatMap(({label, yes, no}, i) => {
        const box = {x: LEFT + i * step + step * 0.12, width: step * 0.76, rx: Math.min(3, step * 0.2)};
        return [
          no > 0 && svg("rect", {...box, class: "no", y: y(yes + no), height: y(yes) - y(yes + no)}),
          yes > 0 && svg("rect", {...box, class: "yes", y: y(yes), height: y(0) - y(yes)}),
          i % every === 0 && svg("text", {...below(LEFT + (i + 0.5) * step, width), y: height - 4}, label),
        ].filter(Boolean);
      }));
  }).observe(frame);
  return frame;
}

/** Where the text below a column stands: it ends with the picture rather than behind it. */
const below = (x, width) => (x + LABEL / 2 > width ? {x: width, "text-anchor": "end"} : {x, "text-anchor": "middle"});

const readAloud = (bars, title) =>
  h("table", {class: "unseen"}, h("caption", {}, title),
    h("tbody", {}, bars.filter(({yes, no}) => yes + no > 0).map(({label, yes, no}) =>
      h("tr", {}, h("th", {scope: "row"}, label), h("td", {}, t("charts.of", {yes, all: yes + no}))))));

/** A list of {name, value, note} with stripes as long as the values. */
export function stripes(rows) {
  const most = Math.max(...rows.map(({value}) => value), 1e-9);
  return h("ul", {class: "bars"}, rows.map(({name, value, note}) =>
    h("li", {},
      h("div", {class: "row between"}, h("span", {}, name), h("span", {class: "quiet small number"}, note)),
      h("progress", {max: most, value, "aria-hidden": "true"}))));
}
