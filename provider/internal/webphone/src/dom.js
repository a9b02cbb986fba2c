// Elements, by DOM calls alone: no markup is parsed and no style attribute is set, so that the strictest content security policy and
// Trusted Types hold.

// h('button', { class: 'yes', onclick: f, disabled: true }, 'Approve'): a property that begins with on is a listener, false and
// undefined are left out, true is an empty attribute. Children are nodes, texts, lists of these, or nothing.
export const h = (name, props, ...children) => fill(document.createElement(name), props, children);

const SVG = 'http://www.w3.org/2000/svg';

// A drawing of one path in a field of 24 by 24; it says nothing to a screen reader.
export const icon = (path) =>
  fill(document.createElementNS(SVG, 'svg'), { viewBox: '0 0 24 24', 'aria-hidden': 'true', class: 'icon' }, [
    fill(document.createElementNS(SVG, 'path'), { d: path }, []),
  ]);

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

// Sets a text only where it differs, or a screen reader would say it again.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
