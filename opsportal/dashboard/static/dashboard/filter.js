// The trace search's filter. Without this script its form and fields still search.

const met = new WeakSet();

/** Pages are swapped in without a load; the rest of the script is only for those with a filter. */
function meet() {
  for (const search of document.querySelectorAll(".search[data-step]")) {
    if (met.has(search)) continue;
    met.add(search);
    import("./filter/view.js").then(({ Filter }) => new Filter(search));
  }
}

document.addEventListener("htmx:load", meet);
meet();
