// Colours of songs in pictures: the same song has the same one.

import {svg} from "./dom.js";

const GOLDEN_ANGLE = 137.508; // neighbouring numbers are far apart on the wheel

export const hueOf = (play) => String(Math.round((270 + (play.song_id ?? 0) * GOLDEN_ANGLE) % 360));

/** A pattern of slanting lines for what is unknown. */
export const hatching = (id) =>
  svg("defs", {}, svg("pattern", {id, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"},
    svg("rect", {class: "hatch-ground", width: 7, height: 7}), svg("rect", {class: "hatch", width: 1.5, height: 7})));
