// One trace's waterfall takes over from the server's rows as soon as it has all of them.

import { read } from "./waterfall/columns.js";
import { ask, make } from "./waterfall/dom.js";
import { View } from "./waterfall/view.js";

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

async function begin(section, signal) {
  try {
    const answer = await ask(section.dataset.rows, signal);
    const trace = read(await answer.arrayBuffer());
    if (!signal.aborted) new View(section, trace, signal);
  } catch (error) {
    if (signal.aborted) return;
    const words = `Only these rows, and no search or zoom: ${error.message}`;
    section.querySelector("h2").after(make("p", { class: "empty problem", role: "alert" }, words));
  }
}

document.addEventListener("htmx:load", meet);
meet();
