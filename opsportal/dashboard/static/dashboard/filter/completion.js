// What can go where the caret is in the filter line: a word, a name, or a recent line.

import { ask } from "../dom.js";

const MOST = 12;
const WORD = /(?:"(?:[^"\\]|\\.)*"?|[^\s"])+/g;
const PLAIN = /^[^\s="\\[\]]+$/;

export class Completion {
  constructor(search) {
    this.line = search.querySelector("#q");
    this.address = search.dataset.names;
    this.service = search.dataset.service; // if the line names none
    this.words = [...search.querySelector("#words").options].map(({ value, text }) => [value, text]);
    this.windows = [...search.querySelector("[name=last]").options].map(({ value }) => value);
    this.recent = [...search.querySelectorAll(".recents bdi")].map((line) => line.textContent);
    this.known = new Map(); // addresses and the names there
  }

  /** Return offers `{text, hint, word, start, end}`: `word`, by default the text, replaces what is
      between start and end. Unless `asked`, only a word that is being typed gets offers. */
  async offers(asked) {
    const { value, defaultValue, selectionEnd: caret } = this.line;
    const whole = (text) => ({ text, start: 0, end: value.length });
    const untouched = !value.trim() || (asked && value === defaultValue);
    if (untouched && this.recent.length) return this.recent.slice(0, MOST).map(whole);
    const words = [...value.matchAll(WORD)];
    const word = words.find(({ 0: text, index }) => index < caret && caret <= index + text.length);
    if (!word && !asked) return [];
    const start = word?.index ?? caret;
    const end = word ? start + word[0].length : caret;
    const typed = value.slice(start, caret);
    const place = { start, end };
    if (!typed.includes("=")) {
      const hints = new Map(this.words);
      const found = matching([...hints.keys()], typed);
      return found.map((text) => ({ text, hint: hints.get(text), ...place }));
    }
    const key = typed.slice(0, typed.indexOf("=") + 1);
    const given = plain(typed.slice(key.length));
    const service = words.find(({ 0: text }) => text.startsWith("service="))?.[0].slice(8);
    const names = await this.#values(key, plain(service ?? ""));
    return matching(names, given).map((name) => ({ text: name, word: key + quoted(name), ...place }));
  }

  take({ text, word = text, start, end }) {
    const { line } = this;
    const goesOn = word.endsWith("=");
    const until = !goesOn && line.value[end] === " " ? end + 1 : end;
    line.setRangeText(goesOn ? word : `${word} `, start, until, "end");
    line.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }

  services() {
    return this.#names(this.address);
  }

  async operations(service) {
    const name = service || this.service;
    return name ? this.#names(`${this.address}?${new URLSearchParams({ service: name })}`) : [];
  }

  async #values(key, service) {
    if (key === "service=") return this.services();
    if (key === "operation=") return this.operations(service);
    return key === "last=" ? this.windows.filter(Boolean) : [];
  }

  /** Names are requested once, and again only after a failure; a search shows the error. */
  #names(address) {
    if (!this.known.has(address)) {
      const names = ask(address).then((answer) => answer.json()).then(({ names }) => names);
      this.known.set(address, names.catch(() => (this.known.delete(address), [])));
    }
    return this.known.get(address);
  }
}

/** Return the names that contain the text, prefix matches first; none if it is the only match. */
export function matching(names, text) {
  const sought = text.toLowerCase();
  const found = names.filter((name) => name.toLowerCase().includes(sought));
  if (found.length === 1 && found[0] === text) return [];
  const rank = (name) => (name.toLowerCase().startsWith(sought) ? 0 : 1);
  return found.sort((one, other) => rank(one) - rank(other)).slice(0, MOST);
}

function plain(value) {
  return value.startsWith('"') ? value.replace(/^"|"$/g, "").replace(/\\(["\\])/g, "$1") : value;
}

function quoted(name) {
  return PLAIN.test(name) ? name : `"${name.replace(/["\\]/g, "\\$&")}"`;
}
