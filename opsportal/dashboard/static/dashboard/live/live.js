// Keeps an open page up to date; pages work without it.

import { isRestoring } from "../pages.js";
import { steadily } from "../steady.js";
import * as clock from "./clock.js";
import { Connection } from "./connection.js";
import * as morph from "./morph.js";
import * as status from "./status.js";

const SLEPT = 5_000; // milliseconds by which the clock jumps if the machine was asleep
let page = null;
let connection = null;
let state = "";
let ticked = Date.now();

/** Follow the page that is shown now, which htmx may have swapped in. */
function follow() {
  if (isRestoring()) return;
  const frame = document.querySelector("#live");
  const address = location.pathname + location.search;
  if (frame === page?.frame && address === page?.address) return;
  connection?.close();
  morph.forget();
  connection = null;
  const shown = frame && read(frame, address);
  if (shown) clock.set(shown.now);
  page = shown?.part ? shown : null;
  if (!page) return;
  state = "";
  connect();
}

/** Connect, unless the page is one that costs much and that nobody sees. */
function connect() {
  if (document.hidden && page.pauses) told("paused");
  else connection = new Connection(page, { changed, told });
}

function seen() {
  if (connection && document.hidden && page.pauses) {
    page.now = connection.at;
    connection.close();
    connection = null;
    told("paused");
  } else if (!document.hidden && connection) connection.hurry();
  else if (!document.hidden && page) connect();
}

/** Follow what htmx has swapped in; it may have brought the title of a moment ago too. */
function settled() {
  follow();
  if (page) showTitle();
}

function read(frame, address) {
  const { part, badge, now } = frame.dataset;
  const pauses = "pauses" in frame.dataset;
  return { frame, address, part, badge, pauses, now: Math.floor(now / 1e6) };
}

function changed(part, text) {
  const shown = page;
  steadily(() => page === shown && show(part, text));
}

function show(part, text) {
  if (part === "page" && page.part === "page") morph.change(text);
  else if (part === "badge") showBadge(text);
  showTitle();
}

function showBadge(text) {
  const badge = new DOMParser().parseFromString(text, "text/html").querySelector("#badge");
  const old = document.querySelector("#badge");
  if (badge && old && old.outerHTML !== badge.outerHTML) old.replaceWith(badge);
}

function showTitle() {
  const mark = document.querySelector("#badge")?.dataset.mark;
  const plain = document.title.replace(/^\([\d,?]+\) /, "");
  const heading = document.querySelector("h1").textContent;
  const words = page.part === "page" ? `${heading} · OpsPortal` : plain;
  const title = mark ? `(${mark}) ${words}` : words;
  if (document.title !== title) document.title = title;
}

function told(now) {
  state = now;
  status.show(state, { ...page, at: connection?.at ?? page.now });
}

function tick() {
  const jumped = Math.abs(Date.now() - ticked) > SLEPT;
  ticked = Date.now();
  follow();
  clock.refresh(document);
  steadily(() => clock.reveal(document));
  if (!connection) return;
  if (jumped && !document.hidden) connection.hurry();
  else connection.check();
  steadily(morph.release);
  if (state) told(state);
}

setInterval(tick, 1_000);
document.addEventListener("visibilitychange", seen);
window.addEventListener("online", () => connection?.hurry());
for (const kind of ["htmx:afterSettle", "htmx:pushedIntoHistory", "htmx:historyRestore"]) {
  document.addEventListener(kind, settled);
}
follow();
