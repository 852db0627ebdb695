// Searching inside a trace: by text, failures, the critical path or a service.

import { FAILED, MISSING } from "./columns.js";
import { ask, make } from "../dom.js";

const PAUSE = 200; // ms without typing before a request is sent

export class Find {
  /** `changed()` is called when the rows found change; `address` takes `&q=`. */
  constructor(trace, address, changed, signal) {
    Object.assign(this, { trace, address, changed, signal });
    this.found = null; // rows, sorted; null if there is no search
    this.hits = null; // for each row whether it contains the text
    this.#build();
    this.text.addEventListener("input", () => this.#typed());
    for (const field of [this.only, this.errors, this.path, this.service]) {
      field.addEventListener("change", () => this.#apply());
    }
  }

  /** Whether rows that do not match are hidden. */
  get narrows() {
    const filtered = this.errors.checked || this.path.checked || this.service.value !== "";
    return filtered || (this.only.checked && this.hits !== null);
  }

  /** Clear the text. */
  clear() {
    this.text.value = "";
    this.#typed();
  }

  /** Return the search and the filters, for a view with more rows. */
  state() {
    const service = this.service.selectedOptions[0]?.textContent ?? "";
    const boxes = [this.only, this.errors, this.path].map((box) => box.checked);
    return { text: this.text.value, boxes, service: this.service.value === "" ? "" : service };
  }

  restore({ text, boxes, service }) {
    for (const [index, box] of [this.only, this.errors, this.path].entries()) {
      box.checked = boxes[index];
    }
    const options = [...this.service.options];
    const same = options.find((option) => option.value !== "" && option.textContent === service);
    this.service.value = same?.value ?? "";
    this.text.value = text;
    if (text || this.narrows) this.#typed();
  }

  /** Show every row again; the text stays. */
  reset() {
    for (const box of [this.only, this.errors, this.path]) box.checked = false;
    this.service.value = "";
    this.#apply();
  }

  /** Show how many were found, and which of them is selected. */
  tell(chosen) {
    if (this.problem || !this.found) return this.say(this.problem ?? "");
    const place = this.found.indexOf(chosen) + 1;
    const number = this.found.length.toLocaleString("en");
    this.say(place ? `${place.toLocaleString("en")} of ${number}` : `${number} found`);
  }

  say(sentence) {
    if (this.status.textContent !== sentence) this.status.textContent = sentence;
    this.status.classList.toggle("problem", Boolean(this.problem));
  }

  #build() {
    const { failures, rows, path_rows: path, serviceNames } = this.trace;
    this.text = make("input", {
      type: "search", placeholder: "text or key=value", "aria-label": "Find in this trace",
      autocomplete: "off", spellcheck: false,
    });
    this.status = make("output", { class: "found" });
    this.only = make("input", { type: "checkbox" });
    this.errors = make("input", { type: "checkbox" });
    this.errors.disabled = !failures[rows];
    this.path = make("input", { type: "checkbox" });
    this.path.disabled = !path.length;
    this.boxes = make("span", { role: "group", "aria-label": "Show only" }, "only");
    this.boxes.append(
      make("label", {}, this.only, " matches"),
      make("label", {}, this.errors, ` errors (${failures[rows].toLocaleString("en")})`),
      make("label", {}, this.path, " critical path"),
    );
    this.service = make("select", { "aria-label": "Only service" });
    const names = [["", "all services"], ...serviceNames.entries()];
    for (const [value, name] of names) this.service.append(make("option", { value }, name));
    this.service.hidden = serviceNames.length < 2;
  }

  /** Search the names immediately; the server searches the rest. */
  #typed() {
    this.asking?.abort();
    this.problem = null;
    const text = this.text.value.trim();
    this.hits = text ? this.#named(text.toLowerCase()) : null;
    this.#apply();
    if (text) this.#ask(text);
  }

  #named(text) {
    const has = (name) => name.toLowerCase().includes(text);
    const services = Uint8Array.from(this.trace.serviceNames, has);
    const operations = Uint8Array.from(this.trace.operationNames, has);
    const { flags, rows } = this.trace;
    const hits = new Uint8Array(rows);
    for (let row = 0; row < rows; row++) {
      if (flags[row] & MISSING) continue;
      hits[row] = services[this.trace.services[row]] | operations[this.trace.operations[row]];
    }
    return hits;
  }

  async #ask(text) {
    const asking = (this.asking = new AbortController());
    const signal = AbortSignal.any([asking.signal, this.signal]);
    await new Promise((quiet) => setTimeout(quiet, PAUSE));
    if (signal.aborted) return;
    try {
      const answer = await ask(`${this.address}&q=${encodeURIComponent(text)}`, signal);
      for (const row of (await answer.json()).rows) this.hits[row] = 1;
    } catch (error) {
      if (error.name === "AbortError") return;
      this.problem = error.message;
    }
    this.#apply();
  }

  #apply() {
    const { flags, services, pathFirsts, rows } = this.trace;
    const service = this.service.value === "" ? -1 : Number(this.service.value);
    const kept = [];
    const found = [];
    for (let row = 0; row < rows; row++) {
      if (this.errors.checked && !(flags[row] & FAILED)) continue;
      if (this.path.checked && pathFirsts[row] === pathFirsts[row + 1]) continue;
      if (service >= 0 && (services[row] !== service || flags[row] & MISSING)) continue;
      const hit = !this.hits || this.hits[row];
      if (hit) found.push(row);
      if (hit || !this.only.checked) kept.push(row);
    }
    this.found = this.narrows || this.hits ? found : null;
    this.changed(this.narrows ? kept : null);
  }
}

/** Return the entry of sorted rows after or before a row, wrapping around; -1 if there are none. */
export function beside(rows, row, step) {
  if (!rows.length) return -1;
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle] < row || (step > 0 && rows[middle] === row)) low = middle + 1;
    else high = middle;
  }
  return rows[(step > 0 ? low : low - 1 + rows.length) % rows.length];
}
