// How far the page can be trusted: "Live", "Paused", "Renews every 15 s", "Stale since …".

import { make } from "../dom.js";
import * as clock from "./clock.js";
import { LOG_IN, RENEWING } from "./connection.js";

const OLD = 45_000; // milliseconds; even without a watcher, pages are rendered every 15 s

/** Show a state in the page's frame. */
export function show(state, { frame, part, at }) {
  const old = Math.abs(clock.now() - at) > OLD;
  const kind = old && state !== "ended" ? "stale" : state;
  frame.dataset.state = kind;
  const place = frame.querySelector(".state");
  const words = WORDS[kind](part, clock.shown(at, frame.dataset));
  if (kind !== "ended") write(place, words);
  else if (place.textContent !== words) place.replaceChildren(...ended());
  if (part === "page") {
    write(frame.querySelector(".as-of"), asOf(kind, at, frame.dataset));
    date(document.querySelector("h1"), kind, clock.shown(at, frame.dataset));
  }
  if (part === "badge") document.querySelector("#badge")?.toggleAttribute("data-stale", kind === "stale");
}

const WORDS = {
  live: (part) => (part === "page" ? "Live" : ""),
  reconnecting: (part) => (part === "page" ? "Reconnecting" : ""),
  paused: () => "Paused",
  renewing: (part) => (part === "page" ? `Renews every ${RENEWING / 1_000} s` : ""),
  stale: (part, since) => (part === "page" ? `Stale since ${since}` : `Alert count stale since ${since}`),
  ended: () => "Session ended. Log in",
};

function write(place, words) {
  if (place.textContent !== words) place.textContent = words;
}

/** An old heading must not pass as the present: it gets the time that it is from. */
function date(heading, kind, since) {
  if (kind === "stale" || kind === "ended") heading?.setAttribute("data-as-of", since);
  else heading?.removeAttribute("data-as-of");
}

function asOf(kind, at, place) {
  return kind === "stale" ? "" : `as of ${clock.shown(at, place)}`;
}

function ended() {
  const next = encodeURIComponent(location.pathname + location.search);
  return ["Session ended. ", make("a", { href: `${LOG_IN}?next=${next}` }, "Log in")];
}
