// The rows in the document: only those in the window, a few more, and the selected one.

const MORE = 6; // rows drawn above and below the window

export class List {
  /**
   * `view.create(row)` makes a row's element, `view.dress(element, row)` shows its current state.
   * An open row contains an extra element of any height.
   */
  constructor(host, outline, view, signal) {
    Object.assign(this, { host, outline, view });
    this.elements = new Map();
    this.opened = new Map();
    this.heights = new Map();
    this.chosen = -1;
    this.awaited = -1; // the row to scroll to when its details have loaded
    this.sizes = new ResizeObserver((entries) => this.#measured(entries));
    signal.addEventListener("abort", () => this.sizes.disconnect());
    host.replaceChildren();
    this.resize();
  }

  /** Read the row height from the stylesheet, because it differs on a phone. */
  resize() {
    this.height = parseFloat(getComputedStyle(this.host).getPropertyValue("--row"));
  }

  /** The row that the Tab key goes to: the selected one, or the first. */
  get stop() {
    return this.outline.places[this.chosen] >= 0 ? this.chosen : this.outline.order[0];
  }

  /** Draw what the window shows now; rows that stay keep their elements and the focus. */
  draw() {
    this.#arrange();
    const rows = this.#wanted();
    const wanted = new Set(rows);
    for (const [row, element] of this.elements) {
      if (wanted.has(row)) continue;
      element.remove();
      this.elements.delete(row);
    }
    let next = this.host.firstElementChild;
    for (const row of rows) {
      const element = this.elements.get(row) ?? this.#add(row, next);
      if (element === next) next = next.nextElementSibling;
      const place = this.outline.places[row];
      element.style.top = `${this.top(place)}px`;
      element.setAttribute("aria-rowindex", place + 1);
    }
  }

  /** Draw after the state of rows has changed. */
  redraw() {
    this.draw();
    for (const [row, element] of this.elements) this.view.dress(element, row);
  }

  /** Return the top of a place in the order, in pixels. */
  top(place) {
    let top = place * this.height;
    for (const open of this.stretched) {
      if (open.place >= place) break;
      top += open.height;
    }
    return top;
  }

  /** Return the place in the order at a pixel position. */
  at(pixels) {
    let rest = pixels;
    for (const { place, height } of this.stretched) {
      const inside = rest - (place + 1) * this.height;
      if (inside < 0) break;
      if (inside < height) return place;
      rest -= height;
    }
    return Math.floor(rest / this.height);
  }

  /** Return the list's pixel range that the window shows. */
  window() {
    const { top } = this.host.getBoundingClientRect();
    return [-top, window.innerHeight - top];
  }

  /** Show an element in a row; its `height`, if known, prevents the rest from jumping. */
  open(row, inside, height) {
    this.opened.set(row, inside);
    if (height) this.heights.set(inside, height);
    this.elements.get(row)?.append(inside);
    this.sizes.observe(inside);
  }

  close(row) {
    const inside = this.opened.get(row);
    this.opened.delete(row);
    this.heights.delete(inside);
    this.sizes.unobserve(inside);
    inside.remove();
  }

  /** Scroll to a row: an open one to the top, for its details; others no further than needed. */
  reveal(row, open) {
    const [from, to] = this.window();
    const top = this.top(this.outline.places[row]);
    const near = top > from - (to - from) / 4 && top < to + (to - from) / 4;
    const block = open ? "start" : near ? "nearest" : "center";
    this.chosen = row;
    this.awaited = open ? row : -1;
    this.redraw();
    this.#scrollTo(row, block);
  }

  #scrollTo(row, block) {
    const name = this.elements.get(row).firstElementChild;
    name.scrollIntoView({ block, behavior: "instant" });
    this.draw();
  }

  /** Collect the open rows that are shown, in order, with the height that they add. */
  #arrange() {
    const { order, places } = this.outline;
    this.stretched = [...this.opened]
      .map(([row, inside]) => ({ place: places[row], height: this.heights.get(inside) ?? 0 }))
      .filter(({ place }) => place >= 0)
      .sort((one, other) => one.place - other.place);
    this.host.style.height = `${this.top(order.length)}px`;
    this.host.setAttribute("aria-rowcount", order.length);
  }

  /** Return the rows to draw. The stop is always one of them, so that the focus is never lost. */
  #wanted() {
    const { order, places } = this.outline;
    const [from, to] = this.window();
    const first = Math.max(this.at(from) - MORE, 0);
    const rows = [...order.subarray(first, Math.max(this.at(to) + 1 + MORE, first))];
    const { stop } = this;
    if (stop === undefined || rows.includes(stop)) return rows;
    return places[stop] < first ? [stop, ...rows] : [...rows, stop];
  }

  #add(row, next) {
    const element = this.view.create(row);
    const inside = this.opened.get(row);
    if (inside) element.append(inside);
    this.view.dress(element, row);
    this.elements.set(row, element);
    this.host.insertBefore(element, next);
    return element;
  }

  /** Elements outside the document have no size, so their last height is kept. */
  #measured(entries) {
    for (const { target, borderBoxSize } of entries) {
      if (target.isConnected) this.heights.set(target, borderBoxSize[0].blockSize);
    }
    this.draw();
    const inside = this.opened.get(this.awaited);
    if (!inside?.isConnected || !entries.some(({ target }) => target === inside)) return;
    // Near the end of the page there was not enough room to scroll before.
    this.#scrollTo(this.awaited, "start");
    if (!inside.hasAttribute("aria-busy")) this.awaited = -1;
  }
}
