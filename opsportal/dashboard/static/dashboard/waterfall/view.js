// The waterfall of one trace: joins rows, zoom, search, map and keys.

import { addKeys } from "../keys.js";
import { FAILED, read } from "./columns.js";
import { details } from "./details.js";
import { duration } from "./durations.js";
import { beside, Find } from "./find.js";
import { List } from "./list.js";
import { Minimap } from "./minimap.js";
import { Outline } from "./outline.js";
import { create, dress, paint } from "./row.js";
import { furnish } from "./tools.js";
import { selectable, Zoom, zoomable } from "./zoom.js";

const ROOM = 0.05; // left free on both sides of a span that is zoomed to

export class View {
  /** `buffer` is the answer of `data-rows`; the view ends with `signal`. */
  constructor(section, buffer, signal) {
    const trace = read(buffer);
    Object.assign(this, { section, trace, signal });
    this.rows = section.querySelector(".spans");
    this.axis = section.querySelector(".ruler p");
    this.failed = [...trace.flags.keys()].filter((row) => trace.flags[row] & FAILED);
    this.outline = new Outline(trace);
    this.zoom = new Zoom(trace.duration, () => this.#soon(true));
    this.list = new List(this.rows, this.outline, this, signal);
    this.find = new Find(trace, section.dataset.find, (kept) => this.#keep(kept), signal);
    this.minimap = new Minimap(trace, this.outline, this.zoom, this.list, signal);
    addKeys(this.#keys(), this.rows, signal);
    furnish(this);
    this.#listen();
    this.arranged();
    if (section.dataset.open) this.go(Number(section.dataset.open), true);
  }

  /** Choose a row, opening whatever hides it, and go there; `open` shows its details too. */
  go(row, open = false) {
    if (this.outline.kept && !this.outline.kept[row]) this.find.reset();
    if (this.outline.places[row] < 0) {
      this.outline.uncover(row);
      this.arranged();
    }
    if (open) this.#open(row);
    this.list.reveal(row, open);
    this.list.elements.get(row).focus({ preventScroll: true });
    this.find.tell(row);
  }

  /** Draw, after the rows that are shown have changed. */
  arranged() {
    this.list.redraw();
    this.minimap.draw();
  }

  level(levels) {
    this.outline.level(levels);
    this.arranged();
  }

  /** Go to the next row that was found, or the one before; to errors, when nothing is sought. */
  step(step) {
    if (!this.find.found) return this.#error(step);
    const row = beside(this.find.found, this.list.chosen, step);
    if (row >= 0) this.go(row);
  }

  create(row) {
    const element = create(this.trace, row);
    this.#paint(element, row);
    return element;
  }

  dress(element, row) {
    dress(element, this.trace, row, {
      parent: this.outline.isParent(row),
      collapsed: this.outline.collapsed[row],
      stop: row === this.list.stop,
      chosen: row === this.list.chosen,
      open: this.list.opened.has(row),
      hit: this.find.hits?.[row] && this.outline.kept?.[row] !== 1,
      aside: this.outline.kept?.[row] === 1,
    });
  }

  #paint(element, row) {
    const lane = element.querySelector(".lane");
    if (lane) paint(lane, this.trace, row, this.zoom);
  }

  #keep(kept) {
    this.outline.keep(kept);
    this.arranged();
    this.find.tell(this.list.chosen);
  }

  #open(row) {
    if (this.list.opened.has(row)) return;
    const { spans } = this.section.dataset;
    this.list.open(row, details(`${spans}${row}/?of=${this.trace.rows}`, this.signal));
  }

  #openOrClose(row) {
    if (this.list.opened.has(row)) this.list.close(row);
    else this.#open(row);
    this.list.redraw();
  }

  #toggle(row) {
    this.outline.toggle(row);
    this.arranged();
  }

  #move(step) {
    const { order, places } = this.outline;
    const place = (places[this.list.chosen] ?? -1) + step;
    if (order.length) this.go(order[Math.min(Math.max(place, 0), order.length - 1)]);
  }

  #fold(key) {
    const { chosen } = this.list;
    const [collapsed, parent] = [this.outline.collapsed[chosen], this.outline.isParent(chosen)];
    if (key === "ArrowRight" && parent) return collapsed ? this.#toggle(chosen) : this.#move(1);
    if (key === "ArrowLeft" && parent && !collapsed) return this.#toggle(chosen);
    if (key === "ArrowLeft" && this.trace.depths[chosen]) this.go(this.trace.parents[chosen]);
  }

  #error(step) {
    const { kept } = this.outline;
    const rows = kept ? this.failed.filter((row) => kept[row]) : this.failed;
    const row = beside(rows, this.list.chosen, step);
    if (row >= 0) this.go(row);
    const place = rows.indexOf(row) + 1;
    this.find.say(row < 0 ? "nothing failed here" : `error ${place} of ${rows.length}`);
  }

  #zoomToChosen() {
    const { starts, durations } = this.trace;
    const row = this.list.stop;
    const room = durations[row] * ROOM;
    this.zoom.show(starts[row] - room, starts[row] + durations[row] + room);
  }

  #keys() {
    const down = (key) => this.#move(key === "ArrowDown" ? 1 : -1);
    const far = (key) => this.#move(key === "End" ? Infinity : -Infinity);
    return [
      [["e", "E"], "next and previous error", (key) => this.#error(key === "e" ? 1 : -1)],
      [["j", "k"], "down and up", (key) => this.#move(key === "j" ? 1 : -1)],
      [["ArrowDown", "ArrowUp"], "the same, in the list", down, "list"],
      [["ArrowLeft", "ArrowRight"], "collapse and expand", (key) => this.#fold(key), "list"],
      [["Home", "End"], "first and last span", far, "list"],
      [["Enter"], "open or close the span", () => this.#openOrClose(this.list.chosen), "list"],
      [["c", "x"], "collapse and expand all", (key) => this.level(key === "c" ? 1 : Infinity)],
      [[..."123456789"], "show so many levels", (key) => this.level(Number(key))],
      [["z"], "zoom to the span", () => this.#zoomToChosen()],
      [["0", "Escape"], "the whole trace", () => this.zoom.reset()],
      [["/"], "find", () => this.find.text.focus()],
      [["n", "N"], "next and previous found", (key) => this.step(key === "n" ? 1 : -1)],
    ];
  }

  #listen() {
    const { signal, rows, section } = this;
    const rowOf = (element) => Number(element.closest("[role=row]")?.dataset.row ?? -1);
    rows.addEventListener("click", (event) => {
      const row = rowOf(event.target);
      if (row < 0 || event.target.closest(".details")) return;
      if (event.target.closest(".twist")) this.#toggle(row);
      else this.#openOrClose(row);
    }, { signal });
    rows.addEventListener("focusin", (event) => {
      const row = rowOf(event.target);
      if (row < 0 || row === this.list.chosen) return;
      this.list.chosen = row;
      this.list.redraw();
      this.find.tell(row);
    }, { signal });
    rows.addEventListener("filled", (event) => remember(event.target), { signal });
    document.addEventListener("click", (event) => this.#follow(event), { signal, capture: true });
    window.addEventListener("scroll", () => this.#soon(), { signal, passive: true });
    for (const kind of ["wheel", "touchmove"]) { // whoever scrolls goes somewhere else
      window.addEventListener(kind, () => (this.list.awaited = -1), { signal, passive: true });
    }
    window.addEventListener("resize", () => this.#resize(), { signal });
    const page = new ResizeObserver(() => this.#soon()); // something above was folded
    page.observe(document.body);
    signal.addEventListener("abort", () => page.disconnect());
    const range = (from, to) => {
      const { from: start, to: end } = this.zoom;
      this.zoom.show(start + from * (end - start), start + to * (end - start));
    };
    selectable(this.axis, { select: range }, signal);
    zoomable(rows, this.axis, this.zoom, signal);
  }

  /** Links elsewhere on the page to a span of this trace go there without loading anything. */
  #follow(event) {
    const link = event.target.closest("a[data-row]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.go(Number(link.dataset.row), true);
  }

  #resize() {
    this.list.resize();
    this.#soon();
  }

  /** Draw once before the next frame, however often the wheel turned. */
  #soon(zoomed = false) {
    this.rescaled ||= zoomed;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.signal.aborted) return;
      this.list.draw();
      if (this.rescaled) this.#rescale();
      this.rescaled = false;
      this.minimap.update();
    });
  }

  #rescale() {
    const { from, to, zoomed } = this.zoom;
    for (const [row, element] of this.list.elements) this.#paint(element, row);
    const [first, ...quarters] = this.axis.querySelectorAll("span");
    first.textContent = from ? duration(from) : "0";
    for (const [index, tick] of quarters.entries()) {
      const after = duration(((index + 1) * (to - from)) / 4);
      tick.textContent = zoomed ? `+${after}` : after;
    }
    this.whole.hidden = !zoomed;
  }
}

/** The address becomes the one of the span that was opened last. */
function remember(inside) {
  const permalink = inside.querySelector('a[href*="#span-"]');
  if (permalink) history.replaceState(history.state, "", permalink.href);
}
