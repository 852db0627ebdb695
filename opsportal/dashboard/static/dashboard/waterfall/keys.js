// What keys do. They never fire while one is typing, and leave the browser's own alone.

import { make } from "./dom.js";

/**
 * `table` has rows of [keys, words, action, where]; `where` "list" is for keys that mean
 * something else outside the list. Returns the dialog that shows them.
 */
export function keys(table, host, signal) {
  const dialog = make("dialog", { class: "keys", "aria-label": "Keys" });
  const lines = table.map(([names, words]) =>
    make("tr", {}, make("th", { scope: "row" }, ...names.map((name) => make("kbd", {}, shown(name)))), make("td", {}, words)));
  const close = make("button", {}, "Close");
  dialog.append(make("table", {}, make("tbody", {}, ...lines)), make("form", { method: "dialog" }, close));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input:not([type=checkbox]), select, textarea, dialog")) return;
    const inList = event.target.matches("[role=row]") && host.contains(event.target);
    for (const [names, , action, where] of table) {
      if (!names.includes(event.key) || (where === "list" && !inList)) continue;
      event.preventDefault();
      action(event.key);
      return;
    }
  }, { signal });
  return dialog;
}

const ARROWS = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };

function shown(name) {
  return ARROWS[name] ?? name;
}
