// Search results: dragging across the chart narrows the search; two traces can be compared.

const LEAST = 4; // pixels; less is a click
const BOX = 24; // pixels; a flatter box, or one nearly as high as the plot, selects only time
const HIGH = 0.8; // of the plot
const UNITS = [["s", 1e9], ["ms", 1e6], ["us", 1e3], ["ns", 1]];

let drag = null; // { plot, pointer, x, y, box }; the box is in shares of the plot
let dragged = false; // so that the click that ends a drag opens nothing

const plotOf = (event) => event.target.closest?.(".scatter .plot");

document.addEventListener("pointerdown", (event) => {
  dragged = false;
  const plot = plotOf(event);
  if (!plot || event.button || !event.isPrimary) return;
  drag = { plot, pointer: event.pointerId, x: event.clientX, y: event.clientY, box: null };
});

document.addEventListener("pointermove", (event) => {
  if (drag?.pointer !== event.pointerId) return;
  const { plot, x, y } = drag;
  if (!drag.box && Math.hypot(event.clientX - x, event.clientY - y) < LEAST) return;
  if (!drag.box) plot.setPointerCapture(event.pointerId);
  dragged = true;
  drag.box = boxOf(plot.getBoundingClientRect(), [x, event.clientX], [y, event.clientY]);
  draw(plot, drag.box);
});

document.addEventListener("pointerup", (event) => {
  if (drag?.pointer !== event.pointerId) return;
  const { plot, box } = drag;
  drag = null;
  if (box?.right > box?.left) location.assign(narrowed(plot.dataset, box));
  else cancel(plot);
});

document.addEventListener("pointercancel", () => drag && cancel(drag.plot));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && drag) cancel(drag.plot);
});
document.addEventListener("dragstart", (event) => plotOf(event) && event.preventDefault());
document.addEventListener("click", (event) => {
  if (dragged && plotOf(event)) event.preventDefault();
}, { capture: true });

function cancel(plot) {
  drag = null;
  draw(plot, { left: 0, right: 0, top: 0, bottom: 0 });
}

function boxOf(frame, xs, ys) {
  const share = (at, from, length) => Math.min(Math.max((at - from) / length, 0), 1);
  const ascending = (one, other) => one - other;
  const [left, right] = xs.map((x) => share(x, frame.left, frame.width)).sort(ascending);
  const [top, bottom] = ys.map((y) => share(y, frame.top, frame.height)).sort(ascending);
  const height = bottom - top;
  if (height > HIGH || height * frame.height < BOX) return { left, right, top: 0, bottom: 1 };
  return { left, right, top, bottom };
}

function draw(plot, { left, right, top, bottom }) {
  const place = { x: left, width: right - left, y: top, height: bottom - top };
  const box = plot.querySelector(".box");
  for (const [name, share] of Object.entries(place)) box.setAttribute(name, `${100 * share}%`);
}

/** Return the search within the box; an edge on the plot's border keeps the search's own bound. */
function narrowed({ line, start, end, low, high, min, max }, { left, right, top, bottom }) {
  const whole = BigInt(end) - BigInt(start);
  const exact = whole < 10_000_000_000n ? 1n : 1_000_000n; // milliseconds are enough for long ones
  const at = (share) => {
    const moment = BigInt(start) + BigInt(Math.round(Number(whole) * share));
    return share > 0 && share < 1 ? moment - (moment % exact) : moment;
  };
  const took = (share) => duration(low * (high / low) ** (1 - share));
  const from = at(left);
  const to = at(right) > from ? at(right) : from + exact;
  const words = [line, `from=${written(from)}`, `to=${written(to)}`];
  const least = bottom < 1 ? took(bottom) : min;
  const most = top > 0 ? took(top) : max;
  if (least) words.push(`trace-min=${least}`);
  if (most) words.push(`trace-max=${most}`);
  const sort = new URLSearchParams(location.search).get("sort");
  const asked = new URLSearchParams({ q: words.join(" ").trim(), ...(sort && { sort }) });
  return `${location.pathname}?${asked}`;
}

/** Return a time as the server writes it: 2026-11-24T14:20:51.204Z, up to nanoseconds. */
function written(nanoseconds) {
  const second = new Date(Number(nanoseconds / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  const rest = String(nanoseconds % 1_000_000_000n).padStart(9, "0").replace(/0+$/, "");
  return `${second}${rest && `.${rest}`}Z`;
}

function duration(nanoseconds) {
  const [unit, size] = UNITS.find(([, size]) => nanoseconds >= size) ?? UNITS.at(-1);
  return `${Number((Math.max(nanoseconds, 1) / size).toPrecision(3))}${unit}`;
}

/** Enable the button when exactly two traces are selected. */
function count() {
  for (const form of document.querySelectorAll("form.results")) {
    const chosen = form.querySelectorAll("[name=trace]:checked").length;
    form.querySelector("button").disabled = chosen !== 2;
    form.querySelector("[role=status]").textContent = chosen ? `${chosen} of 2 selected` : "";
  }
}

document.addEventListener("change", count);
document.addEventListener("htmx:load", count);
window.addEventListener("pageshow", count);
count();
