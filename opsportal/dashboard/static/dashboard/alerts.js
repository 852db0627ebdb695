// The alerts: keys, completion, labels that narrow the list. Without this script links and the
// form do the same.

import { Combobox } from "./filter/combobox.js";
import { addKeys } from "./keys.js";
import { AlertCompletion } from "./filter/alert_completion.js";
import * as notify from "./notify.js";

const KEYS = [
  [["j"], "next alert", () => move(1)],
  [["k"], "previous alert", () => move(-1)],
  [["Enter"], "open the alert"],
];
const met = new WeakSet();

/** Focus the next alert, or the first one that can be seen. */
function move(step) {
  const links = [...document.querySelectorAll(".alert .open")];
  const place = links.findIndex((link) => link.closest(".alert").contains(document.activeElement));
  const first = links.findIndex((link) => link.getBoundingClientRect().top >= 0);
  const next = links[place < 0 ? Math.max(first, 0) : place + step];
  next?.focus();
  next?.closest(".alert").scrollIntoView({ block: "nearest" });
}

/** Add a label to the filter that is there. */
function narrow(event) {
  const link = event.target.closest?.("a[data-narrow]");
  const line = document.querySelector(".search[data-names] #q");
  if (!link || !line || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  event.stopPropagation();
  const added = new URL(link.href).searchParams.get("q");
  if (!` ${line.value} `.includes(` ${added} `)) line.value = `${line.value} ${added}`.trim();
  line.form.requestSubmit();
}

/** Pages are swapped in without a load. */
function meet() {
  notify.meet();
  for (const search of document.querySelectorAll(".search[data-names]:not([data-step])")) {
    if (met.has(search)) continue;
    met.add(search);
    const line = search.querySelector("#q");
    const list = new Combobox(line, new AlertCompletion(line, search.dataset.names));
    line.addEventListener("input", () => list.open());
    search.querySelector("#by").addEventListener("change", ({ target }) => target.form.requestSubmit());
    addKeys(KEYS, search, new AbortController().signal);
  }
}

document.addEventListener("click", narrow, true);
document.addEventListener("htmx:load", meet);
meet();
