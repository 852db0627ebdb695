// While a button is pressed, nothing moves: a press that is released over something else is lost.
// A field that somebody types in stays where it is when what is above it grows.
//
//   free ──pointerdown──> pressed ──pointerup, cancelled──> clicking ──(the click is over)──> free
//                            changes wait ─────────────────────────────────────> changes are made

const TAPPED = 100; // milliseconds after which a finger's click has come too
const LONGEST = 30_000; // a list that opens may swallow the end of a press, and pages get old

let state = "free";
let ending = 0;
const waiting = [];
const taken = new WeakSet(); // requests whose answer has been through here
const newest = new WeakMap(); // each piece's last request

/** Make a change to the page once nothing is pressed. */
export function steadily(change) {
  if (state === "free") holdingTyped(change);
  else waiting.push(change);
}

function holdingTyped(change) {
  const field = document.activeElement;
  const isTyped = field?.matches("main input, main textarea, main select");
  const before = isTyped && field.getBoundingClientRect().top;
  change();
  if (!isTyped || !field.isConnected) return;
  const moved = field.getBoundingClientRect().top - before;
  if (moved) window.scrollBy({ top: moved, behavior: "instant" });
}

function free() {
  state = "free";
  for (const change of waiting.splice(0)) holdingTyped(change);
}

function pass(next, wait) {
  state = next;
  clearTimeout(ending);
  ending = setTimeout(free, wait);
}

function end() {
  if (state === "pressed") pass("clicking", TAPPED);
}

addEventListener("pointerdown", ({ button }) => {
  if (!button) pass("pressed", LONGEST); // another button opens a menu
}, { capture: true });
addEventListener("pointermove", ({ buttons }) => buttons || end(), { capture: true });
for (const kind of ["pointerup", "pointercancel", "contextmenu"]) {
  addEventListener(kind, end, { capture: true });
}
addEventListener("blur", end); // the window's own

document.addEventListener("htmx:beforeSend", ({ detail }) => newest.set(detail.elt, detail.xhr));

/**
 * Bring in the pieces that a page loads later like this; a page that was asked for is swapped. An
 * answer that comes after that to a later request of the same piece is dropped.
 */
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { boosted, elt, xhr } = event.detail;
  if (boosted || taken.has(xhr)) return;
  event.preventDefault();
  if (newest.get(elt) !== xhr) return;
  taken.add(xhr);
  steadily(() => xhr.onload());
});
