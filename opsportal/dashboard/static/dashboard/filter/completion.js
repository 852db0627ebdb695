// What can go where the caret is in the filter line: a word, a name, or a recent line.

import { ask } from "../dom.js";

const MOST = 12;
const WORD = /(?:"(?:[^"\\]|\\.)*"?|[^\s"])+/g;
const PLAIN = /^(?!~)[^\s="\\[\]]+$/;

/** Completes one line: words first and, behind `operator`, the values of that word. */
export class LineCompletion {
  /** `words` are [word, hint], `recent` are whole lines, `simple` values need no quotes. */
  constructor(line, { words = [], recent = [], operator = /=/, simple = PLAIN }) {
    Object.assign(this, { line, words, recent, operator, simple });
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
    const operator = typed.match(this.operator);
    if (!operator) {
      const hints = new Map(await this.starts());
      const found = matching([...hints.keys()], typed);
      return found.map((text) => ({ text, hint: hints.get(text), ...place }));
    }
    const key = typed.slice(0, operator.index + operator[0].length);
    const given = plain(typed.slice(key.length));
    const names = await this.values(key, words.map(([text]) => text));
    const written = (name) => (this.simple.test(name) ? name : quoted(name));
    return matching(names, given).map((name) => ({ text: name, word: key + written(name), ...place }));
  }

  take({ text, word = text, start, end }) {
    const { line } = this;
    const goesOn = word.endsWith("=") || word.endsWith(">");
    const until = !goesOn && line.value[end] === " " ? end + 1 : end;
    line.setRangeText(goesOn ? word : `${word} `, start, until, "end");
    line.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }

  /** What a word can start with. */
  async starts() {
    return this.words;
  }
}

/** The trace search's. */
export class Completion extends LineCompletion {
  constructor(search) {
    super(search.querySelector("#q"), {
      words: [...search.querySelector("#words").options].map(({ value, text }) => [value, text]),
      recent: [...search.querySelectorAll(".recents bdi")].map((line) => line.textContent),
    });
    this.address = search.dataset.names;
    this.service = search.dataset.service; // if the line names none
    this.windows = [...search.querySelector("[name=last]").options].map(({ value }) => value);
    this.known = new Map(); // addresses and the names there
  }

  services() {
    return this.#names(this.address);
  }

  async operations(service) {
    const name = service || this.service;
    return name ? this.#names(`${this.address}?${new URLSearchParams({ service: name })}`) : [];
  }

  async values(key, words) {
    if (/^service!?=$/.test(key)) return this.services();
    const service = words.find((text) => text.startsWith("service="))?.slice(8);
    if (/^operation!?=$/.test(key)) return this.operations(plain(service ?? ""));
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

export function quoted(name) {
  return `"${name.replace(/["\\]/g, "\\$&")}"`;
}
