// The server's JSON, under api/v1/.

const ROOT = "api/v1/";

/** What the server refuses: `status` and a sentence of it (RFC 9457), or 0 where it cannot be reached. */
export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The address of something that an <audio>, an <img> or a link fetches by itself. */
export const address = (path, query = {}) => {
  const parameters = Object.entries(query).filter(([, value]) => value != null && value !== "");
  return ROOT + path + (parameters.length ? `?${new URLSearchParams(parameters)}` : "");
};

/** GET, or another `method`; `json` becomes the body, or `body` is sent as it is. Throws Problem. */
export async function call(path, {query, method = "GET", json, body, signal} = {}) {
  const headers = json === undefined ? {} : {"Content-Type": "application/json"};
  let response;
  try {
    response = await fetch(address(path, query), {method, headers, body: json === undefined ? body : JSON.stringify(json), signal});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "");
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw problemOf(response.status, answer);
  return answer;
}

/** Send a file as the field "file" of a form, telling the share that is sent. Throws Problem. */
export function upload(path, file, {query, progress = () => {}, signal} = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", file, file.name);
    request.open("POST", address(path, query));
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => progress(event.loaded / event.total));
    request.addEventListener("load", () => {
      if (request.status < 400) resolve(request.response);
      else reject(problemOf(request.status, request.response));
    });
    request.addEventListener("error", () => reject(new Problem(0, "")));
    request.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

const problemOf = (status, answer) => new Problem(status, answer?.detail ?? answer?.title ?? String(status));

/** The address of a WebSocket of the API. */
export const socketAddress = (path) => new URL(ROOT + path, location.href).href.replace(/^http/, "ws").replace(/#.*/, "");
