// Colours of songs in a picture: a song has the same one wherever it is played, and those beside each other differ clearly.

import {svg} from "./dom.js";

const HUES = [285, 150, 60, 230, 0, 105, 320, 190];
const APART = 80; // degrees between songs that are played one after the other
const TURN = 360;

/** What tells the hue of a playing of a song. `plays` come in order of their time. */
export function huesOf(plays) {
  const songs = plays.filter((play) => play.title).map(songOf);
  const besides = new Map(songs.map((song) => [song, new Set()]));
  songs.slice(1).forEach((song, i) => {
    if (song === songs[i]) return;
    besides.get(song).add(songs[i]);
    besides.get(songs[i]).add(song);
  });
  const hues = new Map();
  for (const [song, others] of besides) {
    const taken = [...others].filter((other) => hues.has(other)).map((other) => hues.get(other));
    hues.set(song, free(taken, [...hues.values()]));
  }
  return (play) => hues.get(songOf(play));
}

/** A song that was removed has no number any more. */
const songOf = (play) => play.song_id ?? play.title;

/** Of the hues that are far from those beside a song, one that the fewest songs have; where none is far, the farthest. */
function free(beside, given) {
  const room = (hue) => Math.min(APART, ...beside.map((other) => apart(hue, other)));
  const times = (hue) => given.filter((other) => other === hue).length;
  return [...HUES].sort((one, other) => room(other) - room(one) || times(one) - times(other))[0];
}

/** Degrees between two hues. */
const apart = (one, other) => {
  const between = Math.abs(one - other) % TURN;
  return Math.min(between, TURN - between);
};

/** A pattern of slanting lines for what is unknown. */
export const hatching = (id) =>
  svg("defs", {}, svg("pattern", {id, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"},
    svg("rect", {class: "hatch-ground", width: 7, height: 7}), svg("rect", {class: "hatch", width: 1.5, height: 7})));
