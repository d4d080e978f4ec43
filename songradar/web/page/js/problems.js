// What went wrong, as people read it.

import {h} from "./dom.js";
import {t} from "./texts.js";

export const problemText = (problem) => problem.message || t("problem.unreachable");

export const problemCard = (problem) => h("p", {class: "problem"}, problemText(problem));
