// The filter of the trace search; without this script its form and fields just search.

const met = new WeakSet();

/** Pages come without loading anew; the rest of the script is for those with a filter. */
function meet() {
  for (const search of document.querySelectorAll(".search[data-step]")) {
    if (met.has(search)) continue;
    met.add(search);
    import("./filter/view.js").then(({ Filter }) => new Filter(search));
  }
}

document.addEventListener("htmx:load", meet);
meet();
