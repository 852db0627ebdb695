// The waterfall of one trace: connects rows, zoom, search, map and keys.

import { addKeys } from "../keys.js";
import { corresponding, FAILED, read } from "./columns.js";
import { details } from "./details.js";
import { duration } from "./durations.js";
import { beside, Find } from "./find.js";
import { List } from "./list.js";
import { Minimap } from "./minimap.js";
import { Outline } from "./outline.js";
import { create, dress, paint } from "./row.js";
import { furnish } from "./tools.js";
import { selectable, Zoom, zoomable } from "./zoom.js";

const ROOM = 0.05; // margin on both sides of a span that is zoomed to

export class View {
  /**
   * `buffer` is the answer of `data-rows`; the view ends with `signal`. `carried` is the state of
   * a view of the same trace with fewer rows (see `carry`).
   */
  constructor(section, buffer, signal, carried = null) {
    const trace = read(buffer);
    Object.assign(this, { section, trace, signal });
    this.rows = section.querySelector(".spans");
    this.axis = section.querySelector(".ruler p");
    this.failed = [...trace.flags.keys()].filter((row) => trace.flags[row] & FAILED);
    this.outline = new Outline(trace);
    this.zoom = new Zoom(trace.duration, () => this.#soon(true));
    this.list = new List(this.rows, this.outline, this, signal);
    const find = `${section.dataset.find}?${section.dataset.asked}`;
    this.find = new Find(trace, find, (kept) => this.#keep(kept), signal);
    this.minimap = new Minimap(trace, this.outline, this.zoom, this.list, signal);
    addKeys(this.#keys(), this.rows, signal);
    furnish(this);
    this.#listen();
    this.arranged();
    const opened = (section.dataset.open ?? "").split(" ").filter(Boolean).map(Number);
    for (const row of opened.reverse()) this.go(row, true);
    if (carried) this.#take(carried);
  }

  /** Return everything that the user changed in the view. */
  carry() {
    const { trace, outline, list, zoom, find } = this;
    return {
      trace,
      opened: list.opened,
      heights: list.heights,
      chosen: list.chosen,
      collapsed: outline.collapsed,
      zoom: zoom.zoomed ? [zoom.from, zoom.to] : null,
      sought: find.state(),
    };
  }

  /** Return the row at the top of the window and its position, so that it does not move. */
  anchor() {
    const [from] = this.list.window();
    const row = this.outline.order[Math.max(this.list.at(Math.max(from, 0)), 0)];
    const { top, bottom } = this.rows.getBoundingClientRect();
    if (window.scrollY === 0 || bottom < 0) return null;
    const at = top > 0 ? top : top + this.list.top(this.outline.places[row]);
    return { row: top > 0 ? -1 : row, top: at };
  }

  /** Return where the focus is: the search field, or something in a row. */
  focused() {
    const { activeElement: active } = document;
    if (active === this.find.text) return { text: [active.selectionStart, active.selectionEnd] };
    if (!this.rows.contains(active)) return null;
    return { element: active.closest(".details") ? active : null };
  }

  /** Carry over another view's state. Equal start, duration and names mean the same span. */
  #take({ trace, opened, heights, chosen, collapsed, zoom, sought, anchor, focus }) {
    const rows = corresponding(trace, this.trace);
    for (const [row, inside] of opened) {
      if (rows[row] < 0) continue;
      if (inside.hasAttribute("aria-busy")) this.#open(rows[row]);
      else this.list.open(rows[row], inside, heights.get(inside));
    }
    for (let row = 0; row < trace.rows; row++) {
      if (collapsed[row] && rows[row] >= 0) this.outline.collapsed[rows[row]] = 1;
    }
    this.list.chosen = rows[chosen] ?? -1;
    this.outline.arrange();
    const shift = Number(trace.start - this.trace.start);
    if (zoom) this.zoom.show(zoom[0] + shift, zoom[1] + shift);
    this.find.restore(sought);
    this.arranged();
    this.#stay(anchor, rows);
    this.#refocus(focus);
  }

  #stay(anchor, rows) {
    const row = anchor && anchor.row >= 0 ? rows[anchor.row] : -1;
    if (!anchor || (anchor.row >= 0 && !(this.outline.places[row] >= 0))) return;
    const { top } = this.rows.getBoundingClientRect();
    const now = row >= 0 ? top + this.list.top(this.outline.places[row]) : top;
    window.scrollBy({ top: now - anchor.top, behavior: "instant" });
    this.list.draw();
  }

  #refocus(focus) {
    if (focus?.text) {
      this.find.text.focus({ preventScroll: true });
      this.find.text.setSelectionRange(...focus.text);
    } else if (focus) {
      const target = focus.element?.isConnected ? focus.element : null;
      (target ?? this.list.elements.get(this.list.stop))?.focus({ preventScroll: true });
    }
  }

  /** Select a row, expand whatever hides it, and scroll there; `open` shows its details too. */
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

  /** Draw after the rows that are shown have changed. */
  arranged() {
    this.list.redraw();
    this.minimap.draw();
  }

  level(levels) {
    this.outline.level(levels);
    this.arranged();
  }

  /** Go to the next or previous match or, if there is no search, to the next or previous error. */
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
    const { spans, asked } = this.section.dataset;
    const address = `${spans}${row}/?of=${this.trace.rows}&${asked}`;
    this.list.open(row, details(address, this.signal));
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
    this.find.say(row < 0 ? "no errors here" : `error ${place} of ${rows.length}`);
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
      [["ArrowDown", "ArrowUp"], "down and up, in the list", down, "list"],
      [["ArrowLeft", "ArrowRight"], "collapse and expand", (key) => this.#fold(key), "list"],
      [["Home", "End"], "first and last span", far, "list"],
      [["Enter"], "open or close the span", () => this.#openOrClose(this.list.chosen), "list"],
      [["c", "x"], "collapse and expand all", (key) => this.level(key === "c" ? 1 : Infinity)],
      [[..."123456789"], "show that many levels", (key) => this.level(Number(key))],
      [["z"], "zoom to the span", () => this.#zoomToChosen()],
      [["0", "Escape"], "show the whole trace", () => this.zoom.reset()],
      [["/"], "find", () => this.find.text.focus()],
      [["n", "N"], "next and previous match", (key) => this.step(key === "n" ? 1 : -1)],
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
    for (const kind of ["wheel", "touchmove"]) { // scrolling means going elsewhere
      window.addEventListener(kind, () => (this.list.awaited = -1), { signal, passive: true });
    }
    window.addEventListener("resize", () => this.#resize(), { signal });
    const page = new ResizeObserver(() => this.#soon()); // something above was folded or expanded
    page.observe(document.body);
    signal.addEventListener("abort", () => page.disconnect());
    const range = (from, to) => {
      const { from: start, to: end } = this.zoom;
      this.zoom.show(start + from * (end - start), start + to * (end - start));
    };
    selectable(this.axis, { select: range }, signal);
    zoomable(rows, this.axis, this.zoom, signal);
  }

  /** Follow the page's links to spans of this trace without loading anything. */
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

  /** Draw once before the next frame, however many events came. */
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

/** Set the address to that of the span that was opened last. */
function remember(inside) {
  const permalink = inside.querySelector("a[data-permalink]");
  if (permalink) history.replaceState(history.state, "", permalink.href);
}
