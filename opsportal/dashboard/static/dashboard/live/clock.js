// The server's clock, and times that go on by themselves: `<time data-age>`, as in clock.py.

const UNITS = [
  ["s", 1_000, 90],
  ["min", 60_000, 90],
  ["h", 3_600_000, 48],
];
const AGREEING = 5_000;
let offset = 0;

/** Take over the server's time, in milliseconds. */
export function set(now) {
  offset = now - Date.now();
}

export const now = () => Date.now() + offset;

/** Show what is only for a while, `data-from` and `data-until` in nanoseconds, or hide it. */
export function reveal(below) {
  for (const each of below.querySelectorAll("[data-from][data-until]")) {
    const { from, until } = each.dataset;
    const hidden = now() < from / 1e6 || now() >= until / 1e6;
    if (each.hidden !== hidden) each.hidden = hidden;
  }
}

/** Write every age below an element as of now, unless the exact time is shown instead. */
export function refresh(below) {
  for (const time of below.querySelectorAll("time[data-age]")) {
    if (time.hasAttribute("data-shows")) continue;
    const words = age(now() - Date.parse(time.dateTime), time.dataset.age);
    if (time.textContent !== words) time.textContent = words;
  }
}

function age(distance, kind) {
  if (kind === "lasting") return roughly(Math.max(distance, 0));
  if (kind === "left") return distance < 0 ? `in ${roughly(-distance)}` : "ended";
  if (distance < -AGREEING) return `${roughly(-distance)} ahead of our clock`;
  return distance >= 1_000 ? `${roughly(distance)} ago` : "now";
}

function roughly(milliseconds) {
  const fitting = UNITS.find(([, size, most]) => milliseconds < most * size);
  const [unit, size] = fitting ?? ["d", 86_400_000];
  return `${Math.floor(milliseconds / size)} ${unit}`;
}

/** Return `14:02:07 UTC (15:02 Paris)`. */
export function shown(at, { zone, place }) {
  const utc = `${new Date(at).toISOString().slice(11, 19)} UTC`;
  if (!zone) return utc;
  const format = { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return `${utc} (${new Intl.DateTimeFormat("en", format).format(at)} ${place})`;
}
