// What keys do. They never fire while one is typing, and leave the browser's own alone.

import { make } from "./dom.js";

const FIELDS = "input:not([type=checkbox]), select, textarea, dialog[open]";
const ARROWS = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };
const SEARCH = "main input[type=search], main [role=search] input:not([type=hidden])";
const SEARCHING = "#q"; // the address of a search whose field waits for words

const everywhere = [
  [["/"], "search", () => search()],
  [["?"], "these keys", () => showKeys()],
];
const added = new Set(); // what a page has besides: tables and the element that "list" means

/**
 * Give a page keys of its own until the signal. `table` has rows of [keys, words, action, where];
 * `where` "list" is for keys that mean something else outside of `list`.
 */
export function addKeys(table, list, signal) {
  const own = { table, list };
  added.add(own);
  signal.addEventListener("abort", () => added.delete(own));
}

/** What the page that is shown has added: one that has just gone may not have been told yet. */
const here = () => [...added].filter(({ list }) => !list || list.isConnected);

/** Show what all keys of this page do. */
export function showKeys() {
  const dialog = make("dialog", { class: "keys", "aria-label": "Keys" });
  const own = here().flatMap(({ table }) => table);
  dialog.append(
    make("table", {}, make("tbody", {}, ...[...own, ...unlike(own)].map(line))),
    make("form", { method: "dialog" }, make("button", {}, "Close")),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** The keys of every page but for those that this one uses in its own way. */
function unlike(own) {
  const used = new Set(own.flatMap(([names]) => names));
  return everywhere.filter(([names]) => !names.some((name) => used.has(name)));
}

function line([names, words]) {
  const shown = names.map((name) => make("kbd", {}, ARROWS[name] ?? name));
  return make("tr", {}, make("th", { scope: "row" }, ...shown), make("td", {}, words));
}

/** The page's own field, or the search of traces where a page has none. */
function search() {
  const field = [...document.querySelectorAll(SEARCH)].find((each) => each.checkVisibility());
  const traces = document.querySelector(".top nav [data-search]");
  if (field) goOn(field);
  else if (traces) location.assign(traces.href + SEARCHING);
}

/** Type on behind what stands in a field already. */
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
      if (!names.includes(event.key) || (where === "list" && !inList)) continue;
      event.preventDefault();
      action(event.key);
      return;
    }
  }
});

if (location.hash === SEARCHING && document.querySelector(SEARCH)) search();
