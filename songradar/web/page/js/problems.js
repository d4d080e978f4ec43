// What went wrong, as people read it: what it means and what to do next, and the server's own sentence below.

import {h} from "./dom.js";
import {t} from "./texts.js";

const KINDS = {
  "unreachable": "problem.unreachable",
  "unreadable-audio": "problem.unreadable",
  "too-large": "problem.large",
  "content-too-large": "problem.large",
  "busy": "problem.busy",
  "shard-down": "problem.busy",
  "too-many-requests": "problem.often",
  "forbidden": "problem.forbidden",
  "not-found": "problem.missing",
  "catalogue-empty": "listen.empty",
  "invalid": "problem.invalid",
  "request-timeout": "problem.slow",
  "broken-off": "problem.broken",
  "internal-error": "problem.internal",
};

/** Whether a recording is longer than may be searched with: its type is that of all sound that cannot be taken. */
export const isTooLong = ({kind, message}) => kind === "unreadable-audio" && /^the recording is longer than/.test(message);

/** What it means, in a sentence. */
export function problemText(problem) {
  if (isTooLong(problem)) return t("problem.long");
  return problem.kind in KINDS ? t(KINDS[problem.kind]) : problem.message;
}

/** The sentence, that of the server, and what else is to stand below. */
export function problemLines(problem, ...actions) {
  const text = problemText(problem);
  const detail = problem.message && problem.message !== text && h("span", {class: "said small", lang: "en"}, problem.message);
  return [h("span", {}, text), detail, ...actions].filter(Boolean);
}

export const problemCard = (problem) => h("p", {class: "problem"}, problemLines(problem));
