// Elements, and answers of the server.

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

/** Fetch; an Error's message is a sentence for people. */
export async function ask(address, signal) {
  const headers = { Accept: "text/plain" }; // of an error
  const answer = await fetch(address, { signal, headers }).catch((error) => {
    throw error.name === "AbortError" ? error : new Error("the server cannot be reached");
  });
  if (answer.redirected) throw new Error("you are logged out; load the page again");
  if (answer.ok) return answer;
  const plain = answer.headers.get("content-type")?.startsWith("text/plain");
  throw new Error(plain ? await answer.text() : `the server answered ${answer.status}`);
}
