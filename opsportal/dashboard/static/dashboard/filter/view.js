// The trace search's filter: its line and its fields are two views of one query. Only the server
// parses and writes the filter language; its answer to an edit in one view updates the other.

import { Combobox } from "./combobox.js";
import { Completion, matching } from "./completion.js";
import { ask, make } from "../dom.js";

const PAUSE = 150; // ms without typing before a request is sent

export class Filter {
  constructor(search) {
    this.address = search.dataset.step;
    this.line = search.querySelector("#q");
    this.slip = search.querySelector("#slip");
    this.form = search.querySelector(".fields form");
    this.notes = new Map([["__all__", search.querySelector("#together")]]);
    for (const field of this.form.querySelectorAll(".field")) this.#meet(field);
    this.completion = new Completion(search);
    this.list = new Combobox(this.line, this.completion);

    this.line.addEventListener("input", () => {
      this.list.open();
      this.#edited(this.line.form, (answer) => this.#fill(answer));
    });
    this.form.addEventListener("input", ({ target }) => {
      this.#range(target);
      this.#suggest(target);
      this.#edited(this.form, (answer) => this.#write(answer));
    });
    this.form.addEventListener("focusin", ({ target }) => this.#suggest(target));
    search.addEventListener("submit", (event) => this.#send(event), true);
  }

  /** Give a field a place for its error. */
  #meet(field) {
    const input = field.querySelector("input, select");
    const note = field.querySelector(".problem") ?? make("div", { class: "problem" });
    note.id = `${input.id}_error`;
    note.setAttribute("aria-live", "polite");
    field.append(note);
    const described = new Set(input.getAttribute("aria-describedby")?.split(" "));
    input.setAttribute("aria-describedby", [...described.add(note.id)].join(" "));
    this.notes.set(input.name, note);
  }

  /** One view was edited: request the other when typing pauses; the last answer wins. */
  #edited(form, show) {
    this.ahead = form; // until the other view has been updated
    clearTimeout(this.timer);
    this.asking?.abort();
    const { signal } = (this.asking = new AbortController());
    this.timer = setTimeout(async () => {
      const query = new URLSearchParams(new FormData(form));
      try {
        const answer = await ask(`${this.address}?${query}`, signal);
        show(await answer.json());
      } catch {
        // The other view is not updated for now; a search shows what is wrong.
      }
    }, PAUSE);
  }

  #fill({ fields = {}, problem = "", reading = "" }) {
    this.#tell(problem);
    if (problem) return;
    if (reading) this.slip.replaceChildren(make("span", { class: "sub" }, make("bdi", {}, reading)));
    this.ahead = null;
    this.form.elements.q.value = this.line.value;
    this.#blame({});
    for (const [name, value] of Object.entries(fields)) {
      const field = this.form.elements[name];
      field.value = value;
      if (field.options && field.selectedIndex < 0) {
        field.add(new Option(`last ${value}`, value, true, true));
      }
    }
  }

  #write({ line, errors = {} }) {
    this.#blame(errors);
    if (line === undefined) return;
    this.ahead = null;
    this.line.value = this.line.defaultValue = this.form.elements.q.value = line;
    this.#tell("");
  }

  #tell(problem) {
    this.slip.replaceChildren(...(problem ? sentences([problem]) : []));
    this.line.setAttribute("aria-describedby", "slip");
    this.line.setAttribute("aria-invalid", Boolean(problem));
  }

  #blame(errors) {
    for (const [name, note] of this.notes) {
      note.replaceChildren(...sentences(errors[name] ?? []));
      this.form.elements[name]?.setAttribute("aria-invalid", name in errors);
    }
  }

  /** "last" and "from … to …" exclude each other. */
  #range({ name, value }) {
    const { last, start, end } = this.form.elements;
    if (name === "last" && value) start.value = end.value = "";
    if ((name === "start" || name === "end") && value) last.value = "";
  }

  async #suggest(field) {
    if (!field.list) return;
    const { service } = this.form.elements;
    const { completion } = this;
    const names = await (field === service ? completion.services() : completion.operations(service.value));
    field.list.replaceChildren(...matching(names, field.value).map((each) => new Option("", each)));
  }

  /** Send the view that was edited last, whichever button is clicked. */
  #send(event) {
    if (!this.ahead || this.ahead === event.target || event.target.method === "post") return;
    event.preventDefault();
    event.stopPropagation();
    this.ahead.requestSubmit();
  }
}

function sentences(texts) {
  const mark = () => make("span", { class: "mark", "aria-hidden": true }, "▲");
  return texts.map((text) => make("p", {}, mark(), " ", make("bdi", {}, text)));
}
