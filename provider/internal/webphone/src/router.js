// One screen at a time. A screen is a function (params, signal) → a node with an h1 in it, or a promise of one; the signal is aborted
// when the person leaves. What it throws is shown by the screen 'problem'.

import { h, say } from './dom.js';
import { language, t, tag } from './words.js';

const screens = new Map();
let root, status;
let left = new AbortController();
let shown = 0;

// These come back with the browser's buttons; what is no more than a moment (a consent, its outcome) does not.
const lasting = new Set();

/** Makes a screen known. lasting: the browser's Back and Forward lead to it. */
export function define(name, show, { lasting: stays = false } = {}) {
  screens.set(name, show);
  if (stays) lasting.add(name);
}

/** Begins in an element. */
export function start(element) {
  root = element;
  status = h('p', { role: 'status', class: 'hidden' });
  root.after(status);
  addEventListener('popstate', ({ state }) => {
    const name = lasting.has(state?.name) ? state.name : 'home';
    show(name, state?.name === name ? state.params : {});
  });
}

/** Shows a screen; Back leads to the one before. */
export function go(name, params = {}) {
  if (lasting.has(name)) history.pushState({ name, params }, '');
  return show(name, params);
}

/** Shows a screen in place of the one before. */
export function become(name, params = {}) {
  history.replaceState({ name: lasting.has(name) ? name : 'home', params: lasting.has(name) ? params : {} }, '');
  return show(name, params);
}

export const back = () => history.back();

/** Shows the screen again: in another language, with other data. */
export let again = () => {};

/** Says something to a screen reader. */
export const announce = (text) => say(status, text);

async function show(name, params) {
  left.abort();
  left = new AbortController();
  const { signal } = left;
  const turn = ++shown;
  again = () => show(name, params);
  root.setAttribute('aria-busy', 'true');
  let node;
  try {
    node = await screens.get(name)(params, signal);
  } catch (problem) {
    if (turn !== shown) return;
    node = await screens.get('problem')({ problem, retry: again }, signal);
  }
  if (turn !== shown) return;
  root.removeAttribute('aria-busy');
  root.replaceChildren(node);
  root.dataset.screen = name;
  document.documentElement.lang = tag();
  document.documentElement.dataset.language = language();
  const heading = node.querySelector('h1');
  document.title = `${heading.textContent} · ${t('name')}`;
  say(status, '');
  scrollTo(0, 0);
  // A screen reader reads on from the heading. A page that has just been opened is read from its top anyway.
  heading.tabIndex = -1;
  if (turn > 1) heading.focus({ preventScroll: true });
}
