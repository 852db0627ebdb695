// Small improvements for every page; pages work without them.

import "./keys.js";
import "./live/live.js";
import "./pages.js";
import "./sending.js";
import "./steady.js";

// Tell the server the viewer's time zone, unless one was chosen on the account page.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !/(^|;\s*)zone=/.test(document.cookie)) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `zone=${encodeURIComponent(zone)}; Path=/; SameSite=Lax${secure}`;
}

// Tapping a time shows the exact one; tapping it again restores it.
document.addEventListener("click", (event) => {
  const time = event.target.closest("time[title]");
  if (!time || event.target.closest("a, summary, button")) return;
  const shown = time.textContent;
  time.textContent = time.title;
  time.title = shown;
  time.toggleAttribute("data-shows"); // the exact time, which does not go on by itself
});

// After htmx has swapped in a page, move the focus to its heading, as a full load would.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target !== document.body || document.activeElement !== document.body) return;
  document.querySelector("h1")?.focus({ preventScroll: true });
});

// A click elsewhere or Escape closes a menu.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
});
