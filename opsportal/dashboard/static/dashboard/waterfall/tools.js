// The fixed head above the rows: search, filters, levels, the map and the ruler.

import { make } from "../dom.js";
import { showKeys } from "../keys.js";

const MOST_LEVELS = 9;

/** Fill the section's `.tools`, and put them, the map and the ruler into one head. */
export function furnish(view) {
  const { section, find, rows } = view;
  const tools = section.querySelector(".tools");
  view.whole = button("whole trace", () => view.zoom.reset());
  view.whole.hidden = true;
  const keyboard = button("keys", showKeys);
  keyboard.classList.add("keyboard");
  const filters = make("div", { class: "filters" }, find.boxes, find.service, levels(view));
  filters.append(view.whole, keyboard);
  tools.append(line(view), filters);
  tools.hidden = false;
  const map = make("div", { class: "map" }, view.minimap.element);
  const head = make("div", { class: "head" });
  rows.before(head);
  head.append(tools, map, section.querySelector(".ruler"));
  for (const sheets of section.querySelectorAll(".sheets")) sheets.remove();
  rows.setAttribute("role", "treegrid");
  rows.setAttribute("aria-label", "Spans");
  measure(head, view);
}

/** Tell the stylesheet how much of the window the head takes. */
function measure(head, { section, signal }) {
  const size = new ResizeObserver(() => {
    section.style.setProperty("--head", `${head.offsetHeight}px`);
  });
  size.observe(head);
  signal.addEventListener("abort", () => size.disconnect());
}

function line(view) {
  const { find } = view;
  find.text.addEventListener("keydown", (event) => typed(event, view));
  const previous = button("‹", () => view.step(-1), "Previous match or error");
  const next = button("›", () => view.step(1), "Next match or error");
  return make("div", { class: "line" }, find.text, previous, next, find.status);
}

/** In the field, Enter goes to the next match and Escape clears the search. */
function typed(event, view) {
  if (event.key === "Enter") view.step(event.shiftKey ? -1 : 1);
  else if (event.key === "Escape") view.find.clear();
  else return;
  event.preventDefault();
  view.find.text.focus();
}

function levels(view) {
  const deepest = view.trace.depths.reduce((one, other) => Math.max(one, other), 0) + 1;
  const select = make("select", { "aria-label": "Levels shown" });
  select.append(make("option", { value: "Infinity" }, "all levels"));
  for (let level = 1; level < Math.min(deepest, MOST_LEVELS + 1); level++) {
    select.append(make("option", { value: level }, level === 1 ? "1 level" : `${level} levels`));
  }
  select.hidden = deepest === 1;
  select.addEventListener("change", () => view.level(Number(select.value)));
  return select;
}

function button(words, action, label = words) {
  const made = make("button", { type: "button", "aria-label": label }, words);
  made.addEventListener("click", action);
  return made;
}
