// The socket of an open page, and requests in its place while there is none.
//
//   connecting ──> live ──(closed, silent, woken up)──> connecting ──(no socket)──> renewing
//        ^                                                                             │
//        └────────────────────────── again, ever more seldom ──────────────────────────┘

import * as clock from "./clock.js";
import { canUnpack, Texts, unpacked } from "./messages.js";

const SILENT = 12_000; // the server sends something every 5 s
const LONGEST_WAIT = 60_000;
const HERD = 6_000; // after a restart of the server, not everybody connects at once
const CHANGED = 4_000; // the close code for a session or rights that changed
export const RENEWING = 15_000;
export const LOG_IN = "/account/login/";

export class Connection {
  #socket = null;
  #texts = new Texts();
  #heard = 0;
  #began = 0;
  #failures = 0;
  #retry = 0;
  #poll = 0;
  #closed = false;
  #away = false; // whether the server did not answer the last request either

  /** `page` has the part to show and the badge's address; `changed` gets texts, `told` states. */
  constructor(page, { changed, told }) {
    this.page = page;
    this.changed = changed;
    this.told = told;
    this.at = page.now;
    this.#connect();
  }

  get isOpen() {
    return this.#heard > 0;
  }

  /** Leave the page. */
  close() {
    this.#closed = true;
    this.#drop();
    clearTimeout(this.#retry);
    clearTimeout(this.#poll);
  }

  /** Notice that nothing comes any more, as after a sleep: called every second. */
  check() {
    const since = Math.abs(Date.now() - (this.#heard || this.#began));
    if (!this.#socket || since <= SILENT) return;
    if (this.isOpen) this.#lost(0);
    else this.#failed();
  }

  /** Try at once, because the network or the person is back. */
  hurry() {
    this.check();
    if (this.isOpen || this.#closed) return;
    this.#drop();
    this.#connect();
  }

  #connect() {
    clearTimeout(this.#retry);
    if (!canUnpack) return this.#failed();
    const address = encodeURIComponent(location.pathname + location.search);
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/live/?page=${address}`);
    this.#socket = socket;
    this.#began = Date.now();
    this.#texts = new Texts();
    let order = Promise.resolve();
    socket.addEventListener("message", ({ data }) => {
      order = order.then(() => this.#take(socket, data)).catch(() => this.#gap(socket));
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket !== this.#socket) return;
      if (this.isOpen) this.#lost(Math.random() * (code === CHANGED ? 1_000 : HERD));
      else this.#failed();
    });
  }

  async #take(socket, data) {
    const message = await unpacked(data);
    if (socket !== this.#socket) return;
    clearTimeout(this.#poll);
    this.#poll = 0;
    this.#failures = 0;
    this.#heard = Date.now();
    if (message.now) clock.set(message.now);
    const text = this.#texts.take(message);
    if (message.part === this.page.part) this.at = message.at;
    if (text) this.changed(message.part, text);
    // The badge may come first: then the page is still what it was before.
    if (this.#texts.has(this.page.part)) this.told("live");
  }

  /** A message is missing: a new socket begins with everything. */
  #gap(socket) {
    if (socket === this.#socket) this.#lost(0);
  }

  #lost(wait) {
    this.#drop();
    this.told("reconnecting");
    this.#retry = setTimeout(() => this.#connect(), wait);
  }

  #failed() {
    this.#drop();
    const wait = Math.min(1_000 * 2 ** this.#failures, LONGEST_WAIT);
    this.#failures += 1;
    if (canUnpack) this.#retry = setTimeout(() => this.#connect(), wait * (0.5 + Math.random()));
    if (!this.#poll && (this.#failures > 1 || !canUnpack)) this.#renew();
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#heard = 0;
    clearTimeout(this.#retry);
    socket?.close();
  }

  /** Ask for the page, again and again until there is a socket. */
  async #renew() {
    this.#poll = setTimeout(() => this.#renew(), RENEWING);
    const state = await this.#asked().catch(() => "stale");
    if (this.#closed || this.isOpen) return;
    this.told(state);
    const isBack = this.#away && state === "renewing";
    this.#away = state === "stale";
    if (!isBack) return;
    this.#failures = 1;
    this.hurry();
  }

  async #asked() {
    const { part, badge } = this.page;
    const address = part === "page" ? location.href : badge;
    const signal = AbortSignal.timeout(RENEWING - 1_000);
    const answer = await fetch(address, { signal, headers: { Accept: "text/html" } });
    if (new URL(answer.url).pathname === LOG_IN) return "ended";
    if (answer.status === 503) return "stale";
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (this.#closed || this.isOpen) return "live";
    const main = found.querySelector("#main");
    const count = found.querySelector("#badge");
    if (main) this.changed("page", main.outerHTML);
    if (count) this.changed("badge", count.outerHTML);
    if (!main && !count) return "stale";
    this.at = clock.now();
    return "renewing";
  }
}
