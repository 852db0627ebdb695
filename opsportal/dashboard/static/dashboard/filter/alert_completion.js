// What can go where the caret is in the alerts' filter line: a label, an annotation, their values.

import { ask } from "../dom.js";
import { LineCompletion, quoted } from "./completion.js";

const KEYS = [
  ["state=", "firing or pending"],
  ["age>", "active for longer than 10m"],
  ["age<", "active for less than 10m"],
  ["last=", "active since 1h or less"],
];
const VALUES = { "state=": ["firing", "pending"], "last=": ["15m", "1h", "6h", "1d"] };
const TAKEN = ["state", "states", "since", "last", "age", "site"]; // as names of labels: in quotes
const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const WORDS = ["alertname", "severity"]; // whose values mean something alone

export class AlertCompletion extends LineCompletion {
  constructor(line, address) {
    super(line, { operator: /=~|!~|!=|[=<>]/, simple: /^[\w./:@%+-]+$/ });
    this.address = address;
  }

  async starts() {
    const names = await this.#names();
    const alone = WORDS.flatMap((name) => (names[name] ?? []).map((value) => [value, name]));
    const labels = Object.keys(names).map((name) => [`${written(name)}=`, ""]);
    return [...KEYS, ...labels, ...alone.filter(([value]) => this.simple.test(value))];
  }

  async values(key) {
    const [, name] = key.match(/^(.*?)!?=$/) ?? []; // a regular expression is not completed
    if (key in VALUES || name === undefined) return VALUES[key] ?? [];
    const names = await this.#names();
    const found = Object.keys(names).find((each) => written(each) === name);
    return found === undefined ? [] : names[found];
  }

  /** Labels and annotations with their values; requested once, and again after a failure. */
  async #names() {
    this.known ??= ask(this.address).then((answer) => answer.json()).then(({ names }) => names);
    return this.known.catch(() => ((this.known = null), {}));
  }
}

function written(name) {
  return NAME.test(name) && !TAKEN.includes(name) ? name : quoted(name);
}
