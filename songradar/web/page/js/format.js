// Times, shares and names as people read them.

import {language, t} from "./texts.js";

/** Seconds as m:ss, or h:mm:ss. */
export function clock(seconds) {
  const whole = Math.floor(Math.abs(seconds) + 1e-6);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return (seconds < 0 && whole ? "-" : "") + (h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`);
}

/** A share from 0 to 1 in percent. Nothing is rounded up to certainty. */
export function percent(share) {
  const shown = share > 0.99 && share < 1 ? Math.floor(share * 1000) / 1000 : share;
  return new Intl.NumberFormat(language, {style: "percent", maximumFractionDigits: share > 0.99 ? 1 : 0}).format(shown);
}

export const date = (iso) => new Intl.DateTimeFormat(language, {dateStyle: "medium"}).format(new Date(iso));

export const dateTime = (iso) =>
  new Intl.DateTimeFormat(language, {dateStyle: "medium", timeStyle: "short"}).format(new Date(iso));

export const timeOfDay = (iso) =>
  new Intl.DateTimeFormat(language, {hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false}).format(new Date(iso));

/** "Title by Artist", or what there is of it. */
export function named(song) {
  if (!song.title) return t("plays.unknown");
  return song.artist ? t("song.by", {title: song.title, artist: song.artist}) : song.title;
}
