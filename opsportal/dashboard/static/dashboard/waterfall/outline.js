// Which rows are shown, and in which order: without collapsed rows and those filtered out.

export class Outline {
  /** `order` lists the rows shown; `places` has each row's index in it, -1 if it is hidden. */
  constructor(trace) {
    this.trace = trace;
    this.collapsed = new Uint8Array(trace.rows);
    this.kept = null;
    this.places = new Int32Array(trace.rows);
    this.arrange();
  }

  arrange() {
    const { rows, ends } = this.trace;
    const { collapsed, kept, places } = this;
    const order = new Uint32Array(rows);
    let length = 0;
    places.fill(-1);
    for (let row = 0; row < rows; row = collapsed[row] ? ends[row] : row + 1) {
      if (kept && !kept[row]) continue;
      places[row] = length;
      order[length++] = row;
    }
    this.order = order.subarray(0, length);
  }

  isParent(row) {
    return this.trace.ends[row] > row + 1;
  }

  toggle(row) {
    this.collapsed[row] = this.isParent(row) && !this.collapsed[row];
    this.arrange();
  }

  /** Show this many levels of the tree; Infinity for all. */
  level(levels) {
    const { rows, depths } = this.trace;
    for (let row = 0; row < rows; row++) {
      this.collapsed[row] = depths[row] >= levels - 1 && this.isParent(row);
    }
    this.arrange();
  }

  /** Expand everything that hides a row. */
  uncover(row) {
    const { parents } = this.trace;
    for (let above = parents[row]; above >= 0; above = parents[above]) this.collapsed[above] = 0;
    this.arrange();
  }

  /** Show only these rows and their ancestors, which are expanded; null shows every row. */
  keep(rows) {
    this.kept = rows && new Uint8Array(this.trace.rows);
    const { kept, collapsed } = this;
    const { parents } = this.trace;
    for (const row of rows ?? []) {
      kept[row] = 2;
      for (let above = parents[row]; above >= 0; above = parents[above]) {
        collapsed[above] = 0;
        if (kept[above]) break;
        kept[above] = 1;
      }
    }
    this.arrange();
  }
}
