// The live spectrogram: time runs to the left, pitch upwards, loudness is colour.

import {colour} from "./dom.js";

const BANDS = 72;
const LOW_HZ = 80;
const HIGH_HZ = 8000;
const COLUMN_MS = 24;
const MOST_COLUMNS = 20; // that are drawn at once where the browser has been busy
const GAMMA = 1.5; // what is quiet stays in the ground
const CALM_MS = 500; // for those who want little motion

/** Draw what `analyser` hears until the function that is given back is called. */
export function drawSpectrogram(canvas, analyser) {
  const picture = canvas.getContext("2d");
  const scale = Math.min(2, devicePixelRatio);
  canvas.width = Math.round(canvas.clientWidth * scale);
  canvas.height = Math.round(canvas.clientHeight * scale);
  const levels = new Uint8Array(analyser.frequencyBinCount);
  const edges = bandEdges(analyser);
  const palette = colours();
  const column_ms = matchMedia("(prefers-reduced-motion: reduce)").matches ? CALM_MS : COLUMN_MS;
  let drawn_ms = performance.now();
  let frame = requestAnimationFrame(function draw(now_ms) {
    frame = requestAnimationFrame(draw);
    const n_columns = Math.min(Math.floor((now_ms - drawn_ms) / column_ms), MOST_COLUMNS);
    if (n_columns < 1) return;
    drawn_ms = now_ms;
    const width = n_columns * Math.round(3 * scale);
    analyser.getByteFrequencyData(levels);
    picture.drawImage(canvas, -width, 0);
    const height = canvas.height / BANDS;
    for (let band = 0; band < BANDS; band++) {
      const top = Math.floor(canvas.height - (band + 1) * height);
      picture.fillStyle = palette[loudest(levels, edges[band], edges[band + 1])];
      picture.fillRect(canvas.width - width, top, width, Math.ceil(height) + 1);
    }
  });
  return () => cancelAnimationFrame(frame);
}

/** The numbers of the spectrum's bins at which bands begin; bands are equally wide to the ear. */
function bandEdges(analyser) {
  const bin_hz = analyser.context.sampleRate / analyser.fftSize;
  return Array.from({length: BANDS + 1}, (_, i) => Math.round((LOW_HZ * (HIGH_HZ / LOW_HZ) ** (i / BANDS)) / bin_hz));
}

function loudest(levels, begin, end) {
  let most = 0;
  for (let bin = begin; bin < Math.max(end, begin + 1); bin++) most = Math.max(most, levels[bin]);
  return most;
}

/** 256 colours from silence to loud: the ground, then the page's own colour, then a warm light. */
function colours() {
  const stops = ["--sunken", "--medium", "--loud"].map((name) => colour(name).match(/[\d.]+/g).map(Number));
  return Array.from({length: 256}, (_, level) => {
    const place = (level / 255) ** GAMMA * 2;
    const from = stops[place < 1 ? 0 : 1];
    const to = stops[place < 1 ? 1 : 2];
    const mixed = from.slice(0, 3).map((value, i) => Math.round(value + (to[i] - value) * (place < 1 ? place : place - 1)));
    return `rgb(${mixed.join(" ")})`;
  });
}
