// Desktop notifications of new alerts: switched on for one filter, by a click, in this browser.
// They come from an open alerts page with that filter, while nobody looks at it.

const KEY = "notify";
const MOST = 3;

const line = () => new URLSearchParams(location.search).get("q") ?? "";
const granted = () => window.Notification?.permission === "granted";
const isOn = () => granted() && localStorage.getItem(KEY) === line();

/** Show the switch as it is now. */
export function meet() {
  const button = document.querySelector("#notify");
  if (!button || !window.Notification) return;
  button.hidden = false;
  button.setAttribute("aria-pressed", String(isOn()));
  const denied = Notification.permission === "denied";
  button.disabled = denied;
  button.title = denied ? "The browser blocks notifications of this site" : "";
}

document.addEventListener("click", async ({ target }) => {
  if (target.id !== "notify") return;
  if (isOn()) localStorage.removeItem(KEY);
  else if ((await Notification.requestPermission()) === "granted") localStorage.setItem(KEY, line());
  meet();
});

/** Notify of rows that have arrived. */
document.addEventListener("live:arrived", ({ detail: { heading, rows } }) => {
  if (!rows.length || !document.querySelector("#notify") || !isOn() || document.hasFocus()) return;
  const titles = rows.slice(0, MOST).map((row) => row.querySelector(".open")?.textContent.trim());
  const more = rows.length > MOST ? [`and ${rows.length - MOST} more`] : [];
  const named = [...new Set(rows.map((row) => row.dataset.name))].slice(0, MOST).join(", ");
  const body = [...titles, ...more].filter(Boolean).join("\n");
  const shown = new Notification(`${heading}: ${named}`, { body, tag: location.href });
  shown.addEventListener("click", () => window.focus());
});
