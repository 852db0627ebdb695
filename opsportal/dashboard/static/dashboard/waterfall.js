// A trace's waterfall; it replaces the server's rows once it has loaded all of them.

import { ask, make } from "./dom.js";

const shown = new Map(); // each section and the controller that ends its listeners

/** Pages are swapped without a load: start the waterfalls that appeared, end those that went. */
function meet() {
  for (const [section, ending] of shown) {
    if (section.isConnected) continue;
    ending.abort();
    shown.delete(section);
  }
  for (const section of document.querySelectorAll(".waterfall[data-rows]")) {
    if (shown.has(section)) continue;
    const ending = new AbortController();
    shown.set(section, ending);
    begin(section, ending.signal);
  }
}

/** Load the rest of the script, which only pages with a waterfall need, along with the rows. */
async function begin(section, signal) {
  try {
    const rows = ask(section.dataset.rows, signal).then((answer) => answer.arrayBuffer());
    const [buffer, ...modules] = await Promise.all([
      rows, import("./waterfall/view.js"), import("./waterfall/late.js"),
    ]);
    if (!signal.aborted) show(section, buffer, signal, ...modules);
  } catch (error) {
    if (signal.aborted) return;
    const words = `Search, zoom and more rows are unavailable: ${error.message}.`;
    section.querySelector("h2").after(make("p", { class: "empty problem", role: "alert" }, words));
  }
}

/** Show a waterfall; when spans arrive late, one with more rows replaces it. */
function show(section, buffer, signal, { View }, { Late }, carried) {
  const view = new View(section, buffer, signal, carried);
  const renew = (next, rows, state) => {
    shown.get(section).abort();
    shown.delete(section);
    const ending = new AbortController();
    shown.set(next, ending);
    show(next, rows, ending.signal, { View }, { Late }, state);
  };
  new Late(section, () => view, renew, signal);
}

document.addEventListener("htmx:load", meet);
meet();
