// Creating elements, and requests to the server.

const SVG = "http://www.w3.org/2000/svg";

export function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Fetch. On failure it throws an Error whose message is shown to the user. */
export async function ask(address, signal) {
  const headers = { Accept: "text/plain" }; // the form in which errors come
  const answer = await fetch(address, { signal, headers }).catch((error) => {
    throw error.name === "AbortError" ? error : new Error("cannot reach the server");
  });
  if (answer.redirected) throw new Error("you are logged out; reload the page");
  if (answer.ok) return answer;
  const plain = answer.headers.get("content-type")?.startsWith("text/plain");
  throw new Error(plain ? await answer.text() : `the server answered ${answer.status}`);
}
