// Late spans: the page checks for them for some minutes and adds them as they arrive.
//
// The server renders the page again. Its upper part is replaced piece by piece; the waterfall
// restarts with the new rows, and everything opened, folded, searched for or zoomed is carried over
// to the rows of the same spans.

import { ask } from "../dom.js";
import { steadily } from "../steady.js";

const FIRST = 5_000; // ms until the first check; the later intervals are longer
const LONGER = 1.5;
const LONGEST = 60_000;
const MINUTES = 5 * 60_000; // after the page or the last new spans, checking ends
const COST = 20; // the least interval, as a multiple of the time that the last check took

export class Late {
  /** `renew(section, buffer, carried)` starts a waterfall; `view()` returns the current one. */
  constructor(section, view, renew, signal) {
    Object.assign(this, { section, view, renew, signal });
    this.status = document.querySelector("[data-said]");
    document.querySelector("[data-fresh]")?.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation(); // so that htmx does not load the page
      this.#now();
    }, { signal, capture: true });
    this.ends = Date.now() + MINUTES;
    if ("late" in section.dataset) this.#wait(FIRST);
    signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  #wait(pause) {
    clearTimeout(this.timer);
    if (Date.now() > this.ends) return;
    this.timer = setTimeout(() => this.#look(pause), pause);
  }

  /** A hidden page does not check. */
  async #look(pause) {
    const began = performance.now();
    if (!document.hidden && !document.querySelector("dialog[open]")) await this.#quietly();
    const took = performance.now() - began;
    if (!this.signal.aborted) this.#wait(Math.max(Math.min(pause * LONGER, LONGEST), COST * took));
  }

  async #quietly() {
    try {
      await this.#ask();
    } catch (error) {
      if (!this.signal.aborted) this.#say(`not checked: ${error.message}`);
    }
  }

  async #now() {
    this.#say("checking…");
    try {
      if (!(await this.#ask())) this.#say("no new spans");
    } catch (error) {
      if (!this.signal.aborted) this.#say(`not checked: ${error.message}`);
    }
  }

  /** Check for new spans and add them; return whether there were any. */
  async #ask() {
    const answer = await ask(this.section.dataset.news, this.signal);
    const { spans, as_of: asOf } = await answer.json();
    if (spans === Number(this.section.dataset.count)) {
      document.querySelector("[data-as-of]").textContent = asOf;
      return false;
    }
    const { pathname } = window.location;
    const { asked, rows } = this.section.dataset;
    const [page, buffer] = await Promise.all([
      ask(`${pathname}?${asked}`, this.signal).then((found) => found.text()),
      ask(rows, this.signal).then((found) => found.arrayBuffer()),
    ]);
    const fresh = new DOMParser().parseFromString(page, "text/html");
    const more = spans - Number(this.section.dataset.count);
    steadily(() => this.signal.aborted || this.#bring(fresh, buffer, more));
    return true;
  }

  #bring(fresh, buffer, more) {
    const section = fresh.querySelector(".waterfall[data-rows]");
    delete section.dataset.open;
    const words = more > 0 ? `${more.toLocaleString("en")} new span${more === 1 ? "" : "s"}` : "";
    fresh.querySelector("[data-said]").textContent = words;
    const before = this.view();
    const anchor = before ? before.anchor() : null;
    const focus = before?.focused();
    document.title = fresh.title;
    document.querySelector("h1").textContent = fresh.querySelector("h1").textContent;
    for (const part of document.querySelectorAll("[data-part]")) {
      replace(part, fresh.querySelector(`[data-part="${part.dataset.part}"]`));
    }
    const carried = before?.carry();
    section.dataset.late = "";
    this.section.replaceWith(document.adoptNode(section));
    this.renew(section, buffer, { ...carried, anchor, focus });
  }

  #say(words) {
    if (this.status) this.status.textContent = words;
  }
}

/** Replace a part with the server's new version; loaded pieces and open details are kept. */
function replace(part, fresh) {
  if (!fresh) return part.replaceChildren();
  for (const piece of part.querySelectorAll("[data-piece]")) {
    fresh.querySelector(`[data-piece="${piece.dataset.piece}"]`)?.replaceWith(piece);
  }
  const opened = [...part.querySelectorAll("details")].map((details) => [key(details), details.open]);
  const found = document.adoptNode(fresh);
  for (const details of found.querySelectorAll("details")) {
    details.open = opened.some(([name, open]) => open && name === key(details));
  }
  part.replaceWith(found);
  window.htmx?.process(found);
}

/** Return a fold's title without its numbers. */
function key(details) {
  return details.querySelector("summary").textContent.replace(/[\d,]+/g, "").trim();
}
