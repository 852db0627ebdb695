// Keyboard shortcuts. They are off while the user types, and never replace the browser's own.

import { make } from "./dom.js";

const FIELDS = "input:not([type=checkbox]), select, textarea, dialog[open]";
const ARROWS = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };
const SEARCH = "main input[type=search], main [role=search] input:not([type=hidden])";
const SEARCHING = "#q"; // in an address: put the focus into the search field

const everywhere = [
  [["/"], "search", () => search()],
  [["?"], "keyboard shortcuts", () => showKeys()],
];
const added = new Set(); // the current page's own: tables, and the element that "list" means

/**
 * Add a page's own keys until the signal. `table` has rows of [keys, words, action, where];
 * `where` is "list" for keys that only work inside `list`. A row without an action lists a key
 * that the browser has itself.
 */
export function addKeys(table, list, signal) {
  const own = { table, list };
  added.add(own);
  signal.addEventListener("abort", () => added.delete(own));
}

/** The keys of the page that is shown; a page that was just left may still be in `added`. */
const here = () => [...added].filter(({ list }) => !list || list.isConnected);

/** Show all keyboard shortcuts of this page. */
export function showKeys() {
  const dialog = make("dialog", { class: "keys", "aria-label": "Keyboard shortcuts" });
  const own = here().flatMap(({ table }) => table);
  dialog.append(
    make("table", {}, make("tbody", {}, ...[...own, ...unlike(own)].map(line))),
    make("form", { method: "dialog" }, make("button", {}, "Close")),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** The keys of every page, without those that this page redefines. */
function unlike(own) {
  const used = new Set(own.flatMap(([names]) => names));
  return everywhere.filter(([names]) => !names.some((name) => used.has(name)));
}

function line([names, words]) {
  const shown = names.map((name) => make("kbd", {}, ARROWS[name] ?? name));
  return make("tr", {}, make("th", { scope: "row" }, ...shown), make("td", {}, words));
}

/** Go to the page's own search field or, if it has none, to the trace search. */
function search() {
  const field = [...document.querySelectorAll(SEARCH)].find((each) => each.checkVisibility());
  const traces = document.querySelector(".top nav [data-search]");
  if (field) goOn(field);
  else if (traces) location.assign(traces.href + SEARCHING);
}

/** Put the caret behind the text in a field. */
function goOn(field) {
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest(FIELDS)) return;
  for (const { table, list } of [...here(), { table: everywhere }]) {
    const inList = event.target.matches("[role=row]") && list?.contains(event.target);
    for (const [names, , action, where] of table) {
      if (!action || !names.includes(event.key) || (where === "list" && !inList)) continue;
      event.preventDefault();
      action(event.key);
      return;
    }
  }
});

if (location.hash === SEARCHING && document.querySelector(SEARCH)) search();
