// What a socket receives: a part of the page as a whole, or what changed in it (live/deltas.py).

const LINES = /[^\n]*\n|[^\n]+/g;

export const canUnpack = "DecompressionStream" in window;

/** Return a message; a large one is compressed. */
export async function unpacked(data) {
  if (typeof data === "string") return JSON.parse(data);
  const stream = data.stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

/** The parts' texts as of their newest messages. */
export class Texts {
  #parts = new Map();

  /** Whether there is a text of a part. */
  has(part) {
    return this.#parts.has(part);
  }

  /** Take a message; return the part's text if it is new, "" if not. Throw if one was missed. */
  take({ part, number, base, text, delta }) {
    const known = this.#parts.get(part) ?? { number: 0, text: "" };
    if (text === undefined && known.number !== (base ?? number)) throw new Error("a gap");
    if (text === undefined && !delta) return "";
    const found = text ?? patched(known.text, delta);
    this.#parts.set(part, { number, text: found });
    return found;
  }
}

function patched(text, delta) {
  const lines = text.match(LINES) ?? [];
  const piece = (one) =>
    typeof one === "string" ? one : lines.slice(one[0], one[0] + one[1]).join("");
  return delta.map(piece).join("");
}
