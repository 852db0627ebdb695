// The whole trace in a strip: a line for each row, failures on top, and a frame for the window.

import { FAILED, MISSING } from "./columns.js";
import { make } from "../dom.js";
import { selectable } from "./zoom.js";

const FEWEST = 40; // rows; fewer fit into the window without a map
const MOST = 10_000; // lines; more would fall on the same pixels
const HUES = ["--s1", "--s2", "--s3", "--s4", "--s5", "--s6"];

export class Minimap {
  constructor(trace, outline, zoom, list, signal) {
    Object.assign(this, { trace, outline, zoom, list });
    this.canvas = make("canvas");
    this.frame = make("div", { class: "frame" });
    this.element = make("div", { class: "minimap", "aria-hidden": true }, this.canvas, this.frame);
    this.element.hidden = trace.rows < FEWEST;
    const select = (from, to) => zoom.show(from * zoom.whole, to * zoom.whole);
    selectable(this.element, { select, click: (event) => this.#go(event) }, signal);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.draw(), { signal });
    const size = new ResizeObserver(() => this.draw());
    size.observe(this.element);
    signal.addEventListener("abort", () => size.disconnect());
  }

  draw() {
    const { canvas, element } = this;
    const { devicePixelRatio: ratio } = window;
    if (!element.clientWidth) return;
    canvas.width = element.clientWidth * ratio;
    canvas.height = element.clientHeight * ratio;
    const colours = getComputedStyle(element);
    const context = canvas.getContext("2d");
    const { order } = this.outline;
    const every = Math.ceil(order.length / MOST);
    const hues = HUES.map((name) => colours.getPropertyValue(name));
    for (let place = 0; place < order.length; place += every) {
      const row = order[place];
      context.fillStyle = hues[this.trace.services[row] % hues.length];
      if (!(this.trace.flags[row] & MISSING)) this.#line(context, row, place);
    }
    context.fillStyle = colours.getPropertyValue("--error");
    this.#failures(context);
    this.update();
  }

  /** Show which rows and which stretch of time the window shows. */
  update() {
    const { frame, list, zoom } = this;
    const length = Math.max(this.outline.order.length, 1);
    const share = (edge) => Math.min(Math.max(list.at(edge) / length, 0), 1);
    const [first, last] = list.window().map(share);
    frame.style.left = `${(100 * zoom.from) / zoom.whole}%`;
    frame.style.width = `${(100 * (zoom.to - zoom.from)) / zoom.whole}%`;
    frame.style.top = `${100 * first}%`;
    frame.style.height = `${100 * (last - first)}%`;
  }

  /** Draw every failure, however many rows there are; one per line of pixels is enough. */
  #failures(context) {
    const { order } = this.outline;
    let last = -1;
    for (let place = 0; place < order.length; place++) {
      if (!(this.trace.flags[order[place]] & FAILED)) continue;
      const y = Math.floor((place / order.length) * this.canvas.height);
      if (y !== last) this.#line(context, order[place], place, 3);
      last = y;
    }
  }

  #line(context, row, place, least = 1) {
    const { width, height } = this.canvas;
    const { starts, durations, duration } = this.trace;
    const y = (place / this.outline.order.length) * height;
    const thick = Math.max(height / this.outline.order.length - 0.5, least / 2, 0.75);
    const long = Math.max((durations[row] / duration) * width, least);
    context.fillRect(Math.min((starts[row] / duration) * width, width - least), y, long, thick);
  }

  /** A click scrolls to the rows that are drawn there. */
  #go(event) {
    const { top, height } = this.element.getBoundingClientRect();
    const place = ((event.clientY - top) / height) * this.outline.order.length;
    const [from, to] = this.list.window();
    const middle = (from + to) / 2;
    window.scrollBy({ top: this.list.top(Math.floor(place)) - middle, behavior: "instant" });
  }
}
