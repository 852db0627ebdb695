// What keys do. They never fire while one is typing, and leave the browser's own alone.

import { make } from "../dom.js";

/**
 * `table` has rows of [keys, words, action, where]; `where` "list" is for keys that mean
 * something else outside the list. Returns the dialog that shows them.
 */
export function keys(table, host, signal) {
  const dialog = make("dialog", { class: "keys", "aria-label": "Keys" });
  dialog.append(
    make("table", {}, make("tbody", {}, ...table.map(line))),
    make("form", { method: "dialog" }, make("button", {}, "Close")),
  );
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

function line([names, words]) {
  const shown = names.map((name) => make("kbd", {}, ARROWS[name] ?? name));
  return make("tr", {}, make("th", { scope: "row" }, ...shown), make("td", {}, words));
}

const ARROWS = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };
