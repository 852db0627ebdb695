// Puts a new rendering into the page: only what differs is touched, so focus, selection, open
// details and what was typed stay. Rows that arrive wait while somebody reads the list.

import { make } from "../dom.js";
import * as clock from "./clock.js";

const ROW = "[data-name][id]"; // what arrives, changes and goes as a whole
const SCROLLED = 120; // pixels
const RESTED = 30_000; // a pointer that has not moved for so long is forgotten
const MARKED = 4_000;
const MOST_NAMED = 3;
let waiting = ""; // the newest rendering, while it waits
let moved = -Infinity;

document.addEventListener("pointermove", ({ pointerType }) => {
  if (pointerType === "mouse") moved = performance.now();
});

/** Show a new text of the page's main part, or let its new rows wait. */
export function change(text) {
  const main = document.querySelector("#main");
  const next = parsed(text);
  const heading = main.querySelector("h1").textContent;
  const fresh = arriving(main, next);
  if (isRead(main)) hold(main, next, text);
  else show(main, next);
  const now = main.querySelector("h1").textContent;
  if (now !== heading) tell(now, fresh);
  const detail = { heading: now, rows: fresh };
  document.dispatchEvent(new CustomEvent("live:arrived", { detail }));
}

/** Show what waits once nobody reads the list any more. */
export function release() {
  const main = document.querySelector("#main");
  if (waiting && main && !isRead(main)) show(main, parsed(waiting));
}

/** Forget what waits: another page is shown. */
export function forget() {
  waiting = "";
  document.querySelector("#waiting")?.remove();
}

function parsed(text) {
  const next = new DOMParser().parseFromString(text, "text/html").querySelector("main");
  clock.refresh(next);
  const token = document.querySelector(".who [name=csrfmiddlewaretoken]")?.value;
  for (const field of next.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
  return next;
}

const rowsOf = (main) => new Map([...main.querySelectorAll(ROW)].map((row) => [row.id, row]));

function arriving(main, next) {
  const here = rowsOf(main);
  return [...next.querySelectorAll(ROW)].filter((row) => !here.has(row.id));
}

function isRead(main) {
  if (!main.querySelector(ROW)) return false;
  const pointed = performance.now() - moved < RESTED && main.querySelector(`${ROW}:hover`);
  const { isCollapsed, anchorNode } = getSelection();
  const selected = !isCollapsed && main.contains(anchorNode);
  const focused = document.activeElement.closest(ROW);
  return Boolean(window.scrollY > SCROLLED || pointed || selected || focused);
}

function show(main, next) {
  forget();
  const before = new Map([...rowsOf(main)].map(([id, row]) => [id, row.dataset.state]));
  morph(main, next);
  for (const [id, row] of rowsOf(main)) {
    if (before.size && (!before.has(id) || before.get(id) !== row.dataset.state)) mark(row);
  }
}

/** Change the rows that are shown where they are, and the heading; the rest waits. */
function hold(main, next, text) {
  const rows = rowsOf(next);
  const fresh = arriving(main, next);
  const differs = skeleton(main) !== skeleton(next);
  for (const selector of ["h1", "#sub"]) {
    const [old, fresh] = [main.querySelector(selector), next.querySelector(selector)];
    if (old && fresh) morph(old, fresh);
  }
  for (const [id, row] of rowsOf(main)) {
    if (!rows.has(id)) row.classList.add("gone");
    else {
      const state = row.dataset.state;
      morph(row, rows.get(id));
      if (row.dataset.state !== state) mark(row);
    }
  }
  waiting = text;
  if (differs) offer(fresh.length);
}

/** What is not in rows, and the rows' order. */
function skeleton(main) {
  const copy = main.cloneNode(true);
  for (const row of copy.querySelectorAll(ROW)) row.replaceWith(row.id);
  for (const other of copy.querySelectorAll("h1, #sub, time")) other.remove();
  return copy.textContent.replace(/\s+/g, " ");
}

function offer(count) {
  const words = count ? `${count} new` : "Show changes";
  const button = document.querySelector("#waiting") ?? make("button", { id: "waiting", type: "button" });
  if (button.textContent !== words) button.textContent = words;
  if (button.isConnected) return;
  button.addEventListener("click", () => {
    const main = document.querySelector("#main");
    show(main, parsed(waiting));
    window.scrollTo({ top: 0 });
    main.querySelector("h1").focus({ preventScroll: true });
  });
  document.querySelector("#main").before(button);
}

function morph(old, next) {
  const callbacks = { beforeNodeMorphed, beforeNodeRemoved, beforeAttributeUpdated };
  Idiomorph.morph(old, next, { callbacks });
  if (old.isConnected) htmx.process(old);
}

/** Leave alone what somebody is filling in, what htmx fills in by itself, and what a script made. */
function beforeNodeMorphed(old) {
  if (old.nodeType !== Node.ELEMENT_NODE) return true;
  if (old.localName === "form") return !old.contains(document.activeElement) && !isTouched(old);
  return !old.hasAttribute("hx-get") && !old.hasAttribute("data-kept");
}

/** What was said about a form stays until the next one is sent, see sending.js. */
function beforeNodeRemoved(old) {
  return old.id !== "unsent";
}

function isTouched(form) {
  return [...form.elements].some((field) => {
    if (field.type === "hidden" || !("value" in field) || field.localName === "button") return false;
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (!field.options) return field.value !== field.defaultValue;
    return [...field.options].some((option) => option.selected !== option.defaultSelected);
  });
}

/** What is open stays open. */
function beforeAttributeUpdated(name, node) {
  return !(name === "open" && node.localName === "details");
}

function mark(row) {
  row.classList.add("changed");
  setTimeout(() => row.classList.remove("changed"), MARKED);
}

/** Say the new state, and what has arrived, to those who do not see it. */
function tell(heading, fresh) {
  const names = [...new Set(fresh.map((row) => row.dataset.name).filter(Boolean))];
  const named = names.slice(0, MOST_NAMED).join(", ");
  document.querySelector("#told").textContent = named ? `${heading}: ${named}` : heading;
}
