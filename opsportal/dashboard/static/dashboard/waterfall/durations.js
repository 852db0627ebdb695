// Durations, written as the server writes them.

const UNITS = [["ns", 1], ["µs", 1e3], ["ms", 1e6], ["s", 1e9]];
const MINUTE = 6e10;

/** `1.24 s`, `44 ms`, `2 h 5 min`. */
export function duration(ns) {
  if (ns < 0) return `-${duration(-ns)}`;
  for (const [unit, size] of UNITS) {
    const value = ns / size;
    if (value >= (unit === "s" ? 59.95 : 999.5)) continue;
    const places = unit === "ns" || value >= 99.5 ? 0 : value >= 9.995 ? 1 : 2;
    return `${Number(value.toFixed(places))} ${unit}`;
  }
  const minutes = Math.round(ns / MINUTE);
  const hours = Math.floor(minutes / 60);
  if (!hours) return `${minutes} min`;
  if (hours >= 48) return `${Math.round(hours / 24)} d`;
  return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
}

/** `32%`, `0.4%`; a number above zero is never shown as zero. */
export function share(part, whole) {
  const percent = whole ? (100 * part) / whole : 0;
  if (percent > 0 && percent < 0.1) return "under 0.1%";
  return `${Number(percent.toFixed(percent < 10 ? 1 : 0))}%`;
}

/** `1 span`, `12,000 spans`. */
export function count(number, one) {
  return `${number.toLocaleString("en")} ${one}${number === 1 ? "" : "s"}`;
}
