// What the page remembers on this device: language, theme, history. Nothing of it leaves it.

const PREFIX = "songradar.";

/** A remembered value, or null; also where the browser remembers nothing. */
export function stored(name) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name));
  } catch {
    return null;
  }
}

export function store(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // A private window, or a full disk: the page works without.
  }
}
