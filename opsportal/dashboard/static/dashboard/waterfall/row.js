// One row: a name, indented by its depth, and a lane with the span's bar.

import { ENDLESS, FAILED, MISSING, UNTIMED, WARNED } from "./columns.js";
import { drawn, make } from "../dom.js";
import { count, duration, share } from "./durations.js";

const DEEPEST = 30; // indents stop here
const LEAST = 0.25; // percent; thinner bars cannot be seen
const HUES = 6;
const STEPS = 1000; // per lane; parts of the critical path that are closer are merged

export function create(trace, row) {
  const parts = [what(trace, row), ...chips(trace, row)];
  const name = make("span", { class: "name", role: "gridcell" }, ...parts);
  const attributes = { role: "row", "data-row": row, "aria-level": trace.depths[row] + 1 };
  if (trace.flags[row] & MISSING) return make("div", attributes, name);
  const took = make("span", { class: "visually-hidden", role: "gridcell" }, timing(trace, row));
  const lane = { class: "lane", width: "100%", height: 20, "aria-hidden": true };
  return make("div", attributes, name, took, drawn("svg", lane));
}

/** Show a row's state: whether it is selected, collapsed, open, found, or only an ancestor. */
export function dress(element, trace, row, state) {
  const { collapsed, parent, chosen, stop } = state;
  const classes = ["span", `i${Math.min(trace.depths[row], DEEPEST)}`];
  if (trace.flags[row] & MISSING) classes.push("missing");
  else classes.push(`s${(trace.services[row] % HUES) + 1}`);
  for (const name of ["open", "hit", "aside"]) if (state[name]) classes.push(name);
  element.className = classes.join(" ");
  element.tabIndex = stop ? 0 : -1;
  element.setAttribute("aria-selected", chosen);
  if (!parent) return;
  element.setAttribute("aria-expanded", !collapsed);
  element.querySelector(".twist").textContent = collapsed ? "▸" : "▾";
  element.querySelector(".below").hidden = !collapsed;
}

/** Draw the span's bar, its duration and its part of the critical path. */
export function paint(lane, trace, row, { from, to }) {
  const place = (ns) => (100 * (ns - from)) / (to - from);
  const [begin, end] = [trace.starts[row], trace.starts[row] + trace.durations[row]];
  const text = duration(trace.durations[row]);
  if (end < from) return lane.replaceChildren(label(`‹ ${text}`, "after", 0));
  if (begin > to) return lane.replaceChildren(label(`${text} ›`, "before", 100));
  const x = Math.min(Math.max(place(begin), 0), 100 - LEAST);
  const width = Math.max(Math.min(place(end), 100) - x, LEAST);
  const bar = drawn("rect", { x: `${x}%`, y: 1, width: `${width}%`, height: 14, rx: 2 });
  const words = drawn("title", {}, timing(trace, row));
  lane.replaceChildren(words, bar, beside(text, x, width), ...critical(trace, row, from, to));
}

function what(trace, row) {
  const flags = trace.flags[row];
  const parts = [];
  if (trace.ends[row] > row + 1) parts.push(twist());
  if (flags & MISSING) {
    parts.push(mark("warn"), "parent missing");
  } else {
    if (flags & FAILED) parts.push(mark("error", " failed:"));
    const service = trace.serviceNames[trace.services[row]];
    parts.push(make("span", { class: "muted" }, make("bdi", {}, service)), " ");
    parts.push(make("bdi", {}, trace.operationNames[trace.operations[row]]));
  }
  const made = make("span", { class: "what" }, ...parts);
  made.title = made.textContent.trim();
  return made;
}

function chips(trace, row) {
  const flags = trace.flags[row];
  const made = [];
  if (flags & WARNED) made.push(make("span", { class: "chip warn" }, "warning"));
  if (flags & ENDLESS) made.push(make("span", { class: "chip warn" }, "no end"));
  if (flags & UNTIMED) made.push(make("span", { class: "chip warn" }, "no time"));
  if (trace.ends[row] > row + 1) made.push(below(trace, row));
  return made;
}

function mark(tone, words = "") {
  const spoken = make("span", { class: "visually-hidden" }, words);
  return make("span", { class: `mark ${tone}` }, "▲", spoken, " ");
}

function twist() {
  const attributes = { class: "twist", type: "button", tabindex: -1, "aria-label": "Fold" };
  return make("button", attributes);
}

/** Return the chip with what a collapsed row hides. */
function below(trace, row) {
  const end = trace.ends[row];
  const failed = trace.failures[end] - trace.failures[row + 1];
  const words = `${count(end - row - 1, "span")} below${failed ? `, ${failed} failed` : ""}`;
  const chip = make("span", { class: `below chip ${failed ? "error" : "calm"}`, title: words });
  chip.append(failed ? "▲ " : "", `${(end - row - 1).toLocaleString("en")}`);
  chip.append(make("span", { class: "visually-hidden" }, ` ${words}`));
  return chip;
}

function timing(trace, row) {
  const took = trace.durations[row];
  const part = `${share(took, trace.duration)} of the trace`;
  return `took ${duration(took)}, ${part}, started after ${duration(trace.starts[row])}`;
}

/** Place a bar's label inside it, after it or, if there is no room, before it. */
function beside(text, x, width) {
  if (width >= 24) return label(text, "inside", x);
  return x + width <= 84 ? label(text, "after", x + width) : label(text, "before", x);
}

function label(text, side, x) {
  const dx = side === "before" ? -6 : 6;
  return drawn("text", { class: side, x: `${x}%`, y: 12, dx }, text);
}

/** Draw all parts as one path, because a row can have thousands. */
function critical(trace, row, from, to) {
  const place = (ns) => Math.round((STEPS * (ns - from)) / (to - from));
  const parts = [];
  for (let part = trace.pathFirsts[row]; part < trace.pathFirsts[row + 1]; part++) {
    const [begin, end] = [trace.path_starts[part], trace.path_ends[part]];
    if (end < from || begin > to) continue;
    const left = Math.min(Math.max(place(begin), 0), STEPS - 2);
    const right = Math.max(Math.min(place(end), STEPS), left + 2);
    const last = parts.at(-1);
    if (last && left <= last[1]) last[1] = Math.max(last[1], right);
    else parts.push([left, right]);
  }
  if (!parts.length) return [];
  const d = parts.map(([left, right]) => `M${left} 0H${right}V2H${left}Z`).join("");
  const box = { viewBox: `0 0 ${STEPS} 2`, preserveAspectRatio: "none" };
  const path = drawn("path", { class: "critical", d });
  return [drawn("svg", { ...box, y: 17, width: "100%", height: 2 }, path)];
}
