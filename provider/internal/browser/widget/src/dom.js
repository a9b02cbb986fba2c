// Elements, by DOM calls alone: no markup is parsed, no style attribute is set, so that the strictest content security policy and
// Trusted Types hold.

export const element = (name, attributes) => dress(document.createElement(name), attributes);
export const svg = (name, attributes) => dress(document.createElementNS('http://www.w3.org/2000/svg', name), attributes);

export function dress(node, attributes = {}) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

// Sets a text only where it differs, or a screen reader would say it again.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
