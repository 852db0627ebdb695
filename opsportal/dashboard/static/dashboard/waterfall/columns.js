// A trace as columns: typed arrays over one buffer, one entry per row, rows in depth-first order.

const TYPES = { f8: Float64Array, i4: Int32Array, u4: Uint32Array, u1: Uint8Array };

export const FAILED = 1;
export const MISSING = 2;
export const WARNED = 4;
export const ENDLESS = 32;
export const UNTIMED = 64;

/** Decode the answer of `data-rows`; times are nanoseconds after the trace's start. */
export function read(buffer) {
  const size = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  const trace = {
    rows: head.rows,
    start: BigInt(head.start),
    duration: Math.max(head.duration, 1),
    serviceNames: head.services,
    operationNames: head.operations,
  };
  for (const [name, [type, offset, count]] of Object.entries(head.columns)) {
    trace[name] = new TYPES[type](buffer, 4 + size + offset, count);
  }
  return Object.assign(trace, nested(trace), { pathFirsts: pathFirsts(trace) });
}

/**
 * Compute from the parents, without recursion: each row's depth, the row after its last descendant,
 * and how many rows before it failed (so the difference of two counts the failures between them).
 */
function nested({ rows, parents, flags }) {
  const depths = new Uint32Array(rows);
  const ends = new Uint32Array(rows);
  const failures = new Uint32Array(rows + 1);
  for (let row = 0; row < rows; row++) {
    depths[row] = parents[row] < 0 ? 0 : depths[parents[row]] + 1;
    failures[row + 1] = failures[row] + (flags[row] & FAILED);
  }
  for (let row = rows - 1; row >= 0; row--) {
    ends[row] = Math.max(ends[row], row + 1);
    const parent = parents[row];
    if (parent >= 0) ends[parent] = Math.max(ends[parent], ends[row]);
  }
  return { depths, ends, failures };
}

/** Return the index of each row's first part of the critical path; the next row's is the end. */
function pathFirsts({ rows, path_rows: parts }) {
  const firsts = new Uint32Array(rows + 1);
  for (const row of parts) firsts[row + 1]++;
  for (let row = 0; row < rows; row++) firsts[row + 1] += firsts[row];
  return firsts;
}

/**
 * Return each row's row in the same trace with more spans, -1 for none. Spans with equal start,
 * duration and names match in their order; then, because a start may be a guess, spans that are
 * equal in the rest.
 */
export function corresponding(before, after) {
  const found = new Int32Array(before.rows).fill(-1);
  const taken = new Uint8Array(after.rows);
  for (const name of [exactly, roughly]) {
    const waiting = new Map();
    for (let row = after.rows - 1; row >= 0; row--) {
      if (taken[row]) continue;
      const key = named(after, row, name);
      if (!waiting.has(key)) waiting.set(key, []);
      waiting.get(key).push(row);
    }
    for (let row = 0; row < before.rows; row++) {
      if (found[row] >= 0) continue;
      found[row] = waiting.get(named(before, row, name))?.pop() ?? -1;
      if (found[row] >= 0) taken[found[row]] = 1;
    }
  }
  return found;
}

/** A missing parent is identified by its first child. */
function named(trace, row, name) {
  return trace.flags[row] & MISSING ? `above ${name(trace, row + 1)}` : name(trace, row);
}

function exactly(trace, row) {
  return `${trace.start + BigInt(Math.round(trace.starts[row]))} ${roughly(trace, row)}`;
}

function roughly(trace, row) {
  const service = trace.serviceNames[trace.services[row]];
  const operation = trace.operationNames[trace.operations[row]];
  return JSON.stringify([trace.durations[row], service, operation]);
}
