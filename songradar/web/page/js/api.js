// The server's JSON, under api/v1/.

import {askForToken} from "./token.js";

const ROOT = "api/v1/";
const MOST = 500; // rows that the server gives at once

/** What the server refuses (RFC 9457): `status`, the last part of its type, and a sentence; 0 where it cannot be reached. */
export class Problem extends Error {
  constructor(status, kind, message) {
    super(message);
    Object.assign(this, {status, kind});
  }
}

/** The address of something that an <audio>, an <img> or a link fetches by itself. */
export const address = (path, query = {}) => {
  const parameters = Object.entries(query).filter(([, value]) => value != null && value !== "");
  return ROOT + path + (parameters.length ? `?${new URLSearchParams(parameters)}` : "");
};

/** GET, or another `method`; `json` becomes the body. Where the server wants a token, it is asked for. Throws Problem. */
export async function call(path, {query, method = "GET", json, signal} = {}) {
  const request = {method, signal};
  if (json !== undefined) Object.assign(request, {headers: {"Content-Type": "application/json"}, body: JSON.stringify(json)});
  const response = await reach(address(path, query), request);
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw problemOf(response.status, answer);
  return answer;
}

/** Whether who uses the page may change anything. */
export const mayWrite = async () => (await call("session", {method: "POST"})).scope === "write";

/** All rows of a list that the server gives in pages. */
export async function callAll(path, name, query = {}) {
  const found = [];
  for (let total = 1; found.length < total;) {
    const page = await call(path, {query: {...query, limit: MOST, offset: found.length}});
    if (!page[name].length) break;
    found.push(...page[name]);
    total = page.total;
  }
  return found;
}

/** GET what the server tells in lines; `tell` gets each as it comes. Throws Problem. */
export async function callLines(path, tell, {query, signal} = {}) {
  const response = await reach(address(path, query), {signal});
  if (!response.ok) throw problemOf(response.status, await response.json().catch(() => null));
  const lines = new Lines(tell);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let piece; !(piece = await reader.read()).done;) lines.take(text += piece.value);
  const last = lines.end(text);
  if (last?.error) throw brokenOff(last);
}

/** Let the browser keep a token as a cookie, which sounds and sockets are asked with as well. Throws Problem. */
export async function beginSession(token) {
  const response = await send(address("session"), {method: "POST", headers: {Authorization: `Bearer ${token}`}});
  if (!response.ok) throw problemOf(response.status, await response.json().catch(() => null));
}

/** Where the server wants a token, it is asked for, and what was wanted is wanted once more. */
async function reach(where, request) {
  const response = await send(where, request);
  if (response.status !== 401) return response;
  await askForToken();
  return send(where, request);
}

async function send(where, request) {
  try {
    return await fetch(where, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "unreachable", "");
  }
}

/**
 * Send a file as the field "file" of a form; `progress` is told the share that is sent. Gives the server's answer, or
 * the last of its lines where it answers in lines, of which `line` gets each as it comes. Throws Problem.
 */
export function upload(path, file, {query, progress = () => {}, line = () => {}} = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    const lines = new Lines(line);
    form.append("file", file, file.name);
    request.open("POST", address(path, query));
    request.upload.addEventListener("progress", (event) => progress(event.loaded / event.total));
    request.addEventListener("progress", () => request.status === 200 && lines.take(request.responseText));
    request.addEventListener("load", () => {
      const last = lines.end(request.responseText);
      if (request.status >= 400) reject(problemOf(request.status, last));
      else if (last?.error) reject(brokenOff(last));
      else resolve(last);
    });
    request.addEventListener("error", () => reject(new Problem(0, "unreachable", "")));
    request.send(form);
  });
}

/** JSON, an object a line, out of a text that grows. */
class Lines {
  constructor(tell) {
    this.tell = tell;
    this.at = 0;
    this.last = null;
  }

  take(text) {
    for (let end; (end = text.indexOf("\n", this.at)) >= 0; this.at = end + 1) this.read(text.slice(this.at, end));
  }

  end(text) {
    this.take(text);
    this.read(text.slice(this.at));
    return this.last;
  }

  read(line) {
    if (!line.trim()) return;
    try {
      this.last = JSON.parse(line);
    } catch {
      return; // a proxy's page about an error
    }
    this.tell(this.last);
  }
}

const problemOf = (status, answer) =>
  new Problem(status, answer?.type?.split(":").at(-1), answer?.detail ?? answer?.title ?? String(status));

/** What the last line of an answer says that could not be ended. */
const brokenOff = ({error}) => new Problem(500, "broken-off", error);

/** The address of a WebSocket of the API. */
export const socketAddress = (path) => new URL(ROOT + path, location.href).href.replace(/^http/, "ws").replace(/#.*/, "");
