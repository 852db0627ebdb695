// Suggestions below a text field for keyboard, mouse and touch: an ARIA combobox with a listbox.

import { make } from "../dom.js";

export class Combobox {
  /** `source.offers(asked)` resolves to `{text, hint, …}` objects; `source.take(offer)` writes one. */
  constructor(field, source) {
    Object.assign(this, { field, source, offers: [], chosen: -1, turn: 0 });
    const name = { id: "suggestions", "aria-label": "Suggestions" };
    this.list = make("ul", { ...name, role: "listbox", hidden: "" });
    field.after(this.list);
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", "suggestions");
    this.close();
    field.addEventListener("keydown", (event) => this.#key(event));
    field.addEventListener("blur", () => this.close());
    field.addEventListener("click", () => field.value || this.open());
    // Without this the mouse button takes the focus from the field, and the list closes too early.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", ({ target }) => {
      const option = target.closest("[role=option]");
      if (option) this.#take([...this.list.children].indexOf(option));
    });
  }

  /** Offer what fits; with `asked` the first is selected immediately. */
  async open(asked = false) {
    this.close(); // earlier offers no longer fit
    const { turn } = this;
    const offers = await this.source.offers(asked);
    if (turn !== this.turn) return;
    this.offers = offers;
    this.list.replaceChildren(...offers.map(option));
    this.#show();
    this.#choose(asked && offers.length ? 0 : -1);
  }

  close() {
    this.turn += 1; // ignore names that arrive after this
    this.offers = [];
    this.#show();
    this.#choose(-1);
  }

  #show() {
    this.list.hidden = !this.offers.length;
    this.field.setAttribute("aria-expanded", !this.list.hidden);
  }

  #choose(place) {
    this.list.children[this.chosen]?.setAttribute("aria-selected", false);
    this.chosen = place;
    const option = this.list.children[place];
    option?.setAttribute("aria-selected", true);
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.field.setAttribute("aria-activedescendant", option.id);
    else this.field.removeAttribute("aria-activedescendant");
  }

  #take(place) {
    const offer = this.offers[place];
    this.close();
    this.source.take(offer);
  }

  #key(event) {
    const { key } = event;
    const { chosen, offers: { length } } = this;
    if (event.isComposing) return;
    if (key === "ArrowDown" && !length) this.open(true);
    else if (key === "ArrowDown") this.#choose((chosen + 1) % length);
    else if (key === "ArrowUp" && length) this.#choose(chosen > 0 ? chosen - 1 : length - 1);
    else if ((key === "Enter" || (key === "Tab" && !event.shiftKey)) && chosen >= 0) this.#take(chosen);
    else if (key === "Escape" && length) this.close();
    else {
      if (["Enter", "ArrowLeft", "ArrowRight", "Home", "End"].includes(key)) this.close();
      return;
    }
    event.preventDefault();
  }
}

function option({ text, hint }, place) {
  const attributes = { role: "option", id: `suggestion-${place}`, "aria-selected": false };
  const element = make("li", attributes, make("bdi", { class: "code" }, text));
  if (hint) element.append(" ", make("span", { class: "help" }, hint));
  return element;
}
