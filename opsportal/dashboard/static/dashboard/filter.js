// The filter of the trace search: the line and the fields in step, and what could come next.

import { ask, make } from "./dom.js";

const PAUSE = 150; // ms of quiet before the server is asked
const MOST = 12;
const met = new WeakSet();

function meet() {
  for (const search of document.querySelectorAll(".search[data-step]")) {
    if (met.has(search)) continue;
    met.add(search);
    const step = new Step(search);
    new Suggestions(search, () => step.lineChanged());
  }
}

/** Whatever is changed, the server says what that makes of the other; the last answer counts. */
class Step {
  constructor(search) {
    this.search = search;
    this.line = search.querySelector("#q");
    this.form = search.querySelector(".fields form");
    this.problem = search.querySelector(":scope > .problem");
    this.line.addEventListener("input", () => this.lineChanged());
    this.form.addEventListener("input", () => {
      this.#ask(new URLSearchParams(new FormData(this.form)));
    });
  }

  lineChanged() {
    if (/^[0-9a-f]{16,32}$/i.test(this.line.value.trim())) return;
    this.#ask(new URLSearchParams({ q: this.line.value }));
  }

  async #ask(query) {
    this.asking?.abort();
    const { signal } = (this.asking = new AbortController());
    await new Promise((quiet) => setTimeout(quiet, PAUSE));
    if (signal.aborted || !this.search.isConnected) return;
    try {
      const answer = await ask(`${this.search.dataset.step}?${query}`, signal);
      this.#show(await answer.json());
    } catch {
      // What was typed can be sent all the same; the page that comes then says what is wrong.
    }
  }

  #show({ line, fields = {}, problems = {} }) {
    if (line !== undefined && document.activeElement !== this.line) this.line.value = line;
    for (const [name, value] of Object.entries(fields)) this.#fill(this.form.elements[name], value);
    const { q, ...others } = problems;
    // A word that is still being typed is not wrong yet.
    if (q && this.line.getAttribute("aria-expanded") === "true") return;
    this.problem.textContent = q?.join(" ") ?? "";
    this.problem.hidden = !q;
    if (q) this.line.setAttribute("aria-invalid", true);
    else this.line.removeAttribute("aria-invalid");
    for (const field of this.form.querySelectorAll(".field")) this.#mark(field, others);
  }

  #fill(input, value) {
    if (document.activeElement === input) return;
    const options = [...(input.options ?? [])].map((option) => option.value);
    if (input.options && !options.includes(value)) {
      input.append(make("option", { value }, `last ${value}`));
    }
    input.value = value;
  }

  #mark(field, problems) {
    const input = field.querySelector("input, select");
    const sentences = problems[input.name];
    field.classList.toggle("wrong", Boolean(sentences));
    field.querySelector(".problem")?.remove();
    if (!sentences) return;
    field.append(make("div", { class: "problem", role: "status" }, `▲ ${sentences.join(" ")}`));
  }
}

/** A combobox: what could come next, by keys, mouse and touch. */
class Suggestions {
  constructor(search, changed) {
    Object.assign(this, { search, changed });
    this.line = search.querySelector("#q");
    this.list = search.querySelector("#suggestions");
    this.names = new Map(); // by service
    const { line, list } = this;
    const roles = { role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id };
    for (const [name, value] of Object.entries(roles)) line.setAttribute(name, value);
    this.#close();
    line.addEventListener("input", () => this.#offer());
    line.addEventListener("click", () => line.value || this.#offer());
    line.addEventListener("keydown", (event) => this.#key(event));
    line.addEventListener("blur", () => this.#leave());
    list.addEventListener("pointerdown", (event) => event.preventDefault()); // focus stays
    list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#accept(option);
    });
    search.querySelector(".fields").addEventListener("toggle", () => this.#fields());
    search.querySelector("[name=service]").addEventListener("change", () => this.#fields());
  }

  #key(event) {
    if (event.key === "ArrowDown" && this.list.hidden) this.#offer();
    else if (this.list.hidden || event.isComposing) return;
    else if (event.key === "ArrowDown") this.#choose(1);
    else if (event.key === "ArrowUp") this.#choose(-1);
    else if (event.key === "Escape") this.#leave();
    else if (["Enter", "Tab"].includes(event.key) && this.chosen) this.#accept(this.chosen);
    else return;
    event.preventDefault();
  }

  async #offer() {
    const before = this.line.value.slice(0, this.line.selectionStart);
    const typed = (this.typed = before.match(/(?:[^\s"]|"(?:[^"\\]|\\.)*"?)*$/)[0]);
    if (!this.line.value.trim()) return this.#show(this.#recents(), true);
    const [, key, value] = typed.match(/^(service|operation|last)=(.*)$/s) ?? [];
    const names = await this.#named();
    if (before !== this.line.value.slice(0, this.line.selectionStart)) return;
    if (!names || (!key && (!typed || typed.includes("=")))) return this.#close();
    if (!key) return this.#show(names.keys.filter((each) => each.startsWith(typed)));
    const part = value.replaceAll('"', "").toLowerCase();
    const fitting = names[key].filter((each) => each.toLowerCase().includes(part));
    this.#show(fitting.slice(0, MOST).map((each) => `${key}=${quoted(each)}`));
  }

  #recents() {
    const links = this.search.querySelectorAll(".recents li > a");
    return [...links].map((link) => link.textContent).slice(0, MOST);
  }

  /** What the server knows for the service that stands in the line; null when it says nothing. */
  #named() {
    const found = this.line.value.match(/(?:^|\s)service=(?:"([^"]*)"|(\S+))/);
    const service = found?.[1] ?? found?.[2] ?? "";
    if (!this.names.has(service)) {
      const address = `${this.search.dataset.names}?service=${encodeURIComponent(service)}`;
      const asked = ask(address).then((answer) => answer.json()).catch(() => null);
      this.names.set(service, asked);
    }
    return this.names.get(service);
  }

  #show(texts, whole = false) {
    const useful = texts.filter((text) => text !== this.typed);
    if (!useful.length || document.activeElement !== this.line) return this.#close();
    this.whole = whole;
    const option = (text, index) => make("li", { role: "option", id: `suggestion-${index}` }, text);
    this.#close();
    this.list.replaceChildren(...useful.map(option));
    this.list.hidden = false;
    this.line.setAttribute("aria-expanded", true);
  }

  /** Go one on or back, around the ends; at first none is chosen. */
  #choose(step) {
    const options = [...this.list.children];
    const from = this.chosen ? options.indexOf(this.chosen) : step > 0 ? -1 : 0;
    this.chosen?.removeAttribute("aria-selected");
    this.chosen = options.at((from + step) % options.length);
    this.chosen.setAttribute("aria-selected", true);
    this.chosen.scrollIntoView({ block: "nearest" });
    this.line.setAttribute("aria-activedescendant", this.chosen.id);
  }

  #accept({ textContent: text }) {
    const caret = this.line.selectionStart;
    const begin = this.whole ? 0 : caret - this.typed.length;
    const more = text.endsWith("=");
    const added = more || this.whole ? text : `${text} `;
    this.line.setRangeText(added, begin, this.whole ? this.line.value.length : caret, "end");
    this.#close();
    this.changed();
    if (more) this.#offer();
  }

  #leave() {
    if (this.list.hidden) return;
    this.#close();
    this.changed();
  }

  #close() {
    this.list.hidden = true;
    this.chosen = null;
    this.line.setAttribute("aria-expanded", false);
    this.line.removeAttribute("aria-activedescendant");
  }

  /** The fields' own lists, when they are opened. */
  async #fields() {
    const names = await this.#named();
    for (const [id, texts] of [["services", names?.service], ["operations", names?.operation]]) {
      const options = (texts ?? []).slice(0, 500).map((value) => make("option", { value }));
      this.search.querySelector(`#${id}`).replaceChildren(...options);
    }
  }
}

function quoted(text) {
  return /[\s="\\[\]]/.test(text) ? `"${text.replace(/["\\]/g, "\\$&")}"` : text;
}

document.addEventListener("htmx:load", meet);
meet();
