// The details of an open span; the server renders and escapes them.

import { ask, make } from "../dom.js";

const SHOWN = 1500; // ms for which "copied" is shown

/** Return an element that fills itself with the answer from an address. */
export function details(address, signal) {
  const inside = make("div", { class: "details", role: "gridcell", "aria-busy": true });
  inside.append(make("p", { class: "inside muted" }, "Loading…"));
  fill(inside, address, signal);
  return inside;
}

async function fill(inside, address, signal) {
  try {
    const answer = await ask(address, signal);
    inside.innerHTML = await answer.text();
    window.htmx?.process(inside);
    for (const value of inside.querySelectorAll("td > bdi:only-child, td > details:only-child pre")) {
      value.after(copier(value));
    }
    inside.dispatchEvent(new CustomEvent("filled", { bubbles: true }));
  } catch (error) {
    if (error.name === "AbortError") return;
    inside.replaceChildren(make("p", { class: "inside problem", role: "alert" }, error.message));
  }
  inside.removeAttribute("aria-busy");
}

function copier(value) {
  const key = value.closest("tr").querySelector("th")?.textContent ?? "";
  const attributes = { class: "copy", type: "button", "aria-label": `Copy ${key}` };
  const button = make("button", attributes, "copy");
  button.addEventListener("click", async () => {
    button.textContent = (await copied(value.textContent)) ? "copied" : "not allowed";
    setTimeout(() => (button.textContent = "copy"), SHOWN);
  });
  return button;
}

/** The clipboard API needs a secure origin; elsewhere copy from a selected field. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = make("textarea", { class: "visually-hidden" }, text);
    const before = document.activeElement;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    before?.focus({ preventScroll: true });
    return done;
  }
}
