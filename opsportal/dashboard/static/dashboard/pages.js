// A page that is swapped in without a load brings the styles and modules that only it has.

const ASSETS = "link[rel=stylesheet], link[rel=modulepreload], script[src]";
const HASH = /\.[0-9a-f]{12}(?=\.\w+$)/;
let restoring = null; // the request for a page that somebody goes back to

/** Whether the address is already that of another page than the one that is shown. */
export const isRestoring = () => restoring !== null;

document.addEventListener("htmx:historyCacheMiss", ({ detail: { xhr } }) => {
  restoring?.abort();
  restoring = xhr;
  xhr.addEventListener("loadend", () => restored(xhr));
});
document.addEventListener("htmx:historyCacheMissLoad", ({ detail }) => restored(detail.xhr));
document.addEventListener("htmx:beforeSend", ({ detail }) => {
  if (detail.boosted) restoring?.abort(); // it would replace the page that is asked for now
});

function restored(xhr) {
  if (restoring === xhr) restoring = null;
}

document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { boosted, requestConfig, xhr } = event.detail;
  const head = boosted ? headOf(xhr.responseText) : null;
  const missing = head ? lacking(head) : [];
  if (!missing.length) return;
  event.preventDefault();
  const got = requestConfig.verb === "get" || hasBeenRedirected(event.detail);
  if (got && !belongsHere(head, missing)) location.assign(xhr.responseURL);
  else Promise.all(missing.map(bring)).then(() => xhr.onload());
});

export function hasBeenRedirected({ pathInfo, xhr }) {
  return new URL(xhr.responseURL).pathname !== new URL(pathInfo.finalRequestPath, location).pathname;
}

/** Parse only the page's head, because the rest may be long. */
function headOf(text) {
  return new DOMParser().parseFromString(text.slice(0, text.indexOf("<body")), "text/html").head;
}

const addressOf = (asset) => asset.getAttribute("href") ?? asset.getAttribute("src");

const addresses = (head) => [...head.querySelectorAll(ASSETS)].map(addressOf);

function lacking(head) {
  const here = new Set(addresses(document.head));
  return [...head.querySelectorAll(ASSETS)].filter((asset) => !here.has(addressOf(asset)));
}

/** Whether the page can be swapped in: it is one of ours, and from the same release. */
function belongsHere(head, missing) {
  const plain = (address) => address.replace(HASH, "");
  const here = new Set(addresses(document.head).map(plain));
  const base = plain(addressOf(document.querySelector("link[rel=stylesheet]")));
  const ours = addresses(head).map(plain).includes(base);
  return ours && !missing.some((asset) => here.has(plain(addressOf(asset))));
}

/** Resolve when a stylesheet has loaded, because a page must not be shown without its style. */
function bring(asset) {
  const element = document.createElement(asset.localName); // a script that was parsed never runs
  for (const { name, value } of asset.attributes) element.setAttribute(name, value);
  const ready = new Promise((resolve) => {
    if (asset.rel !== "stylesheet") resolve();
    element.addEventListener("load", resolve);
    element.addEventListener("error", resolve);
  });
  document.head.append(element);
  return ready;
}
