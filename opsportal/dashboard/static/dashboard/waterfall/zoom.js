// The time range that the lanes show, and how wheel, mouse and touch change it.

import { make } from "../dom.js";

const LEAST = 100; // ns; closer than this there is nothing to see
const DRAG = 4; // pixels; less is a click
const WHEEL = 0.002; // doublings per pixel of the wheel

export class Zoom {
  /** `changed()` is called after every change; times are ns after the trace's start. */
  constructor(whole, changed) {
    Object.assign(this, { whole, changed, from: 0, to: whole });
  }

  get zoomed() {
    return this.to - this.from < this.whole;
  }

  /** Show a range, moved into the trace and widened if it is too short. */
  show(from, to) {
    const width = Math.min(Math.max(to - from, LEAST), this.whole);
    this.from = Math.min(Math.max((from + to - width) / 2, 0), this.whole - width);
    this.to = this.from + width;
    this.changed();
  }

  reset() {
    this.show(0, this.whole);
  }

  /** Show `factor` times as much time; what is at `share` of the width does not move. */
  scale(share, factor) {
    const width = Math.min((this.to - this.from) * factor, this.whole);
    const from = this.from + share * (this.to - this.from - width);
    this.show(from, from + width);
  }

  /** Move by a share of the width. */
  pan(share) {
    const shift = share * (this.to - this.from);
    this.show(this.from + shift, this.to + shift);
  }
}

/** Ctrl+wheel or two fingers zoom, shift+wheel or dragging pans. `axis` spans the width. */
export function zoomable(host, axis, zoom, signal) {
  const pointers = new Map();
  const share = (x) => (x - axis.getBoundingClientRect().left) / axis.clientWidth;
  const on = (type, listener, options = {}) =>
    host.addEventListener(type, listener, { signal, ...options });

  on("wheel", (event) => {
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.ctrlKey) zoom.scale(share(event.clientX), 2 ** (WHEEL * 2 * event.deltaY));
    else if (zoom.zoomed && Math.abs(sideways) > Math.abs(event.deltaY) * !event.shiftKey) {
      zoom.pan(sideways / axis.clientWidth);
    } else return;
    event.preventDefault();
  }, { passive: false });

  on("pointerdown", (event) => {
    if (event.button || event.target.closest(".details, button")) return;
    if (event.pointerType === "mouse" && !event.target.closest(".lane")) return;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, moved: false });
  });
  on("pointermove", (event) => {
    const pointer = pointers.get(event.pointerId);
    if (!pointer || !(pointers.size > 1 || zoom.zoomed)) return;
    if (!pointer.moved && distance(pointer, event) < DRAG) return;
    if (!pointer.moved) host.setPointerCapture(event.pointerId);
    pointer.moved = true;
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) zoom.scale(share(other.x), distance(pointer, other) / distance(event, other));
    else zoom.pan((pointer.x - event.clientX) / axis.clientWidth);
    Object.assign(pointer, { x: event.clientX, y: event.clientY });
  });
  for (const type of ["pointerup", "pointercancel"]) {
    on(type, (event) => {
      if (pointers.get(event.pointerId)?.moved) swallowClick(host);
      pointers.delete(event.pointerId);
    });
  }
}

function distance(one, other) {
  return Math.max(Math.hypot(one.x - other.x, one.y - other.y), DRAG);
}

/** Keep the click that ends a drag from opening anything. */
function swallowClick(host) {
  const swallow = (event) => event.stopPropagation();
  host.addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => host.removeEventListener("click", swallow, { capture: true }));
}

/** Dragging across `element` calls `select(from, to)` with shares of its width; see `click`. */
export function selectable(element, { select, click }, signal) {
  const chosen = make("div", { class: "chosen", hidden: "" });
  element.append(chosen);
  const share = (event) => {
    const { left, width } = element.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - left) / width, 0), 1);
  };
  let start = null;
  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    start = share(event);
    element.setPointerCapture(event.pointerId);
    event.preventDefault();
  }, { signal });
  element.addEventListener("pointermove", (event) => {
    if (start === null) return;
    const [from, to] = [start, share(event)].sort((one, other) => one - other);
    chosen.hidden = (to - from) * element.clientWidth < DRAG;
    chosen.style.left = `${100 * from}%`;
    chosen.style.width = `${100 * (to - from)}%`;
  }, { signal });
  element.addEventListener("pointerup", (event) => {
    if (start === null) return;
    const [from, to] = [start, share(event)].sort((one, other) => one - other);
    if (chosen.hidden) click?.(event);
    else select(from, to);
    start = null;
    chosen.hidden = true;
  }, { signal });
  element.addEventListener("pointercancel", () => {
    start = null;
    chosen.hidden = true;
  }, { signal });
}
