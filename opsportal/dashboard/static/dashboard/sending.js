// If a request fails or its answer is not a page of ours, say so next to the form and keep what
// was typed.

import { make } from "./dom.js";
import { hasBeenRedirected } from "./pages.js";

const LOG_IN = "/account/login/";
const KEPT = "What you typed is still here.";

for (const kind of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(kind, ({ detail }) => {
    const { elt, verb } = detail.requestConfig;
    if (!detail.boosted) return;
    if (verb === "get") return say(elt, "Cannot reach the server. Try again in a moment.");
    say(elt, "The server did not answer. We don't know whether this change was made.");
  });
}

document.addEventListener("htmx:beforeSend", () => document.querySelector("#unsent")?.remove());

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!detail.boosted) return;
  const { elt, verb } = detail.requestConfig;
  const { pathname } = new URL(detail.xhr.responseURL);
  if (verb !== "get" && pathname === LOG_IN && hasBeenRedirected(detail)) {
    detail.shouldSwap = false;
    endedSession(elt);
  } else if (detail.xhr.status >= 400) {
    const page = new DOMParser().parseFromString(detail.serverResponse, "text/html");
    if (holds(page, elt)) return;
    detail.shouldSwap = false;
    if (page.querySelector("#outdated")) renew(elt);
    else say(elt, ...sentences(page, detail));
  }
});

/** If a background request finds the session ended, keep what was typed instead of reloading. */
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (!xhr.getResponseHeader("HX-Refresh") || !hasTyped()) return;
  event.preventDefault();
  if (!document.querySelector("#unsent")) endedSession(requestConfig.elt);
});

function hasTyped(place = document.querySelector("main")) {
  return [...(place?.querySelectorAll("input, select, textarea") ?? [])].some((field) => {
    if (field.type === "checkbox") return field.checked !== field.defaultChecked;
    if (!field.options) return field.value !== field.defaultValue;
    return [...field.options].some((option) => option.selected !== option.defaultSelected);
  });
}

/** Whether the answer can replace the page without loss, because it has the form that was sent. */
function holds(page, elt) {
  if (!elt.matches("form")) return Boolean(page.querySelector("main h1"));
  const action = elt.getAttribute("action");
  return [...page.forms].some((form) => form.getAttribute("action") === action);
}

/** Return the answer's message; of a proxy's error page only the status is used. */
function sentences(page, { requestConfig, xhr }) {
  const parts = page.querySelectorAll("main h1, main > .sub, #problem p:first-child bdi");
  if (parts.length) return [...parts].map((part) => part.textContent.trim().replace(/\w$/, "$&."));
  const unknown = requestConfig.verb !== "get" && xhr.status >= 500;
  const whether = unknown ? ["We don't know whether this change was made."] : [];
  return [`The server answered ${xhr.status}. Try again in a moment.`, ...whether];
}

/** After a new login the forms of an old page are refused: give them a new CSRF token. */
async function renew(elt) {
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok) return say(elt, "Cannot reach the server. Nothing was changed.");
  if (new URL(answer.url).pathname === LOG_IN) return endedSession(elt);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const token = page.querySelector("[name=csrfmiddlewaretoken]")?.value;
  for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
  const name = page.querySelector(".who bdi")?.textContent;
  say(elt, `Nothing was changed: you have logged in again, as ${name}. Send it again.`);
}

function endedSession(elt) {
  const next = encodeURIComponent(location.pathname + location.search);
  const link = make("a", { href: `${LOG_IN}?next=${next}`, target: "_blank" }, "Log in");
  say(elt, "Your session has ended. Nothing was sent.", link, "in another tab, then continue here.");
}

/** Show a message above the form or, for a link, below the page's heading. */
function say(elt, ...words) {
  document.querySelector("#unsent")?.remove();
  const form = elt.closest("form");
  if (form && hasTyped(form)) words.push(KEPT);
  const mark = make("span", { class: "mark", "aria-hidden": "true" }, "▲");
  const sentence = make("p", {}, mark, " ", ...words.flatMap((word) => [word, " "]));
  const notice = make("div", { class: "notice error", role: "alert", id: "unsent" }, sentence);
  const place = form?.closest(".search, .panel") ?? document.querySelector("main h1");
  if (form) place.before(notice);
  else place.after(notice);
  notice.scrollIntoView({ block: "nearest" });
}
