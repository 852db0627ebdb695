// One trace's waterfall takes over from the server's rows as soon as it has all of them.

import { ask, make } from "./dom.js";

const shown = new Map(); // a section and what ends its listeners

/** Pages come and go without loading anew: begin with those that came, end those that went. */
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

/** The rest of the script is for pages with a waterfall; it comes while the rows do. */
async function begin(section, signal) {
  try {
    const rows = ask(section.dataset.rows, signal).then((answer) => answer.arrayBuffer());
    const [buffer, ...modules] = await Promise.all([
      rows, import("./waterfall/view.js"), import("./waterfall/late.js"),
    ]);
    if (!signal.aborted) show(section, buffer, signal, ...modules);
  } catch (error) {
    if (signal.aborted) return;
    const words = `No search, zoom or further rows: ${error.message}.`;
    section.querySelector("h2").after(make("p", { class: "empty problem", role: "alert" }, words));
  }
}

/** Show a waterfall; when spans come late, one with more rows takes its place. */
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
