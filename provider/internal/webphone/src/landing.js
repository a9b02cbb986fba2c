// What a link brought: a code to scan, kept while this phone is first set up (the page may be thrown out while the person reads a
// message). It is public, and gets nobody anything.

const KEY = 'qrlogin-landing';
const CODE = `${location.origin}/q/`;

/**
 * @typedef {object} Landing
 * @property {'q'|'type'|'here'} kind
 * @property {string} [code] the text of the code
 * @property {string} [transaction] of the hosted page in this browser, to go back to
 */

/** Takes what the address says out of it. @returns {Landing|undefined} */
export function arrive() {
  const { search, hash } = location;
  if (!search && !hash) return undefined;
  history.replaceState(history.state, '', '/phone');
  const [, scanned] = /^\?q=([A-Za-z0-9.=_-]+)$/.exec(search) ?? [];
  // The browser has carried on what stood behind the code: the thumbprint of a page's key, which no server is told.
  if (scanned) return keep({ kind: 'q', code: `${CODE}${scanned}${/^#[A-Za-z0-9_-]{43}$/.test(hash) ? hash : ''}` });
  if (hash === '#type') return keep({ kind: 'type' });
  const [, code, transaction] = /^#here\/([A-Za-z0-9.=_-]+)\/([A-Z2-7]{26})$/.exec(hash) ?? [];
  if (code) return keep({ kind: 'here', code: CODE + code, transaction });
  return undefined;
}

function keep(landing) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(landing));
  } catch {
    // Then it is for this page.
  }
  kept = landing;
  return landing;
}

let kept;

/** What waits to be scanned, without taking it. @returns {Landing|undefined} */
export function waiting() {
  try {
    kept ??= JSON.parse(sessionStorage.getItem(KEY)) ?? undefined;
  } catch {
    // Nothing that we wrote.
  }
  return kept;
}

/** The same, and forgets it. @returns {Landing|undefined} */
export function take() {
  const landing = waiting();
  kept = undefined;
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // It was never there.
  }
  return landing;
}

/** Resolves once a person can see the page: one that a browser has made ready in advance scans nothing. */
export async function seen() {
  if (document.prerendering) await new Promise((resolve) => document.addEventListener('prerenderingchange', resolve, { once: true }));
  while (document.visibilityState !== 'visible') {
    await new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));
  }
}
