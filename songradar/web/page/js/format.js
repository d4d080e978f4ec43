// Times, shares and names as people read them.

import {locale, t} from "./texts.js";

/** Seconds as m:ss, or h:mm:ss. */
export function clock(seconds) {
  const whole = Math.floor(Math.abs(seconds) + 1e-6);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return (seconds < 0 && whole ? "-" : "") + (h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`);
}

/** A share from 0 to 1 in percent. */
export const percent = (share) => new Intl.NumberFormat(locale(), {style: "percent"}).format(share);

/** How sure an answer is, in percent; none is certain. */
export function sureness(confidence) {
  const shown = confidence > 0.99 ? Math.min(0.999, Math.floor(confidence * 1000) / 1000) : confidence;
  return new Intl.NumberFormat(locale(), {style: "percent", maximumFractionDigits: confidence > 0.99 ? 1 : 0}).format(shown);
}

/** How much faster or slower, in percent: 1.005 is +0.5 %. */
export const change = (rate) =>
  new Intl.NumberFormat(locale(), {style: "percent", signDisplay: "always", minimumFractionDigits: 1, maximumFractionDigits: 1}).format(rate - 1);

export const date = (iso) => new Intl.DateTimeFormat(locale(), {dateStyle: "medium"}).format(new Date(iso));

export const dateTime = (iso) =>
  new Intl.DateTimeFormat(locale(), {dateStyle: "medium", timeStyle: "short"}).format(new Date(iso));

export const timeOfDay = (iso) =>
  new Intl.DateTimeFormat(locale(), {hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false}).format(new Date(iso));

/** From when to when, with the date. */
export const dateTimeRange = (from, to) =>
  new Intl.DateTimeFormat(locale(), {dateStyle: "medium", timeStyle: "short"}).formatRange(new Date(from), new Date(to));

/** The time of day, with the date where that is another than the one of `beside`. */
export function timeBeside(iso, beside) {
  const isSameDay = new Date(iso).toDateString() === new Date(beside).toDateString();
  return isSameDay ? timeOfDay(iso) : `${date(iso)}, ${timeOfDay(iso)}`;
}

/** "Title by Artist", or what there is of it. */
export function named(song) {
  if (!song.title) return t("plays.unknown");
  return song.artist ? t("song.by", {title: song.title, artist: song.artist}) : song.title;
}
