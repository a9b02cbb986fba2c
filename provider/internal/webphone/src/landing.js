// What a link brought: a code to scan, kept while this phone is first set up (the page may be thrown out while the person reads a
// message). It is public, and gets nobody anything.

const KEY = 'qrlogin-landing';

/**
 * @typedef {object} Landing
 * @property {'q'|'type'|'here'} kind
 * @property {string} [code] the text of the code
 * @property {string} [transaction] of the hosted page in this browser, to go back to
 */

/** Takes what the address says out of it. @returns {Landing|undefined} */
export function arrive() {
  const fragment = location.hash;
  if (!fragment) return undefined;
  history.replaceState(history.state, '', '/phone');
  const [, kind, code, transaction] = /^#(q|here)\/([A-Za-z0-9.=_-]+)(?:\/([A-Z2-7]{26}))?$/.exec(fragment) ?? [];
  if (fragment === '#type') return keep({ kind: 'type' });
  if (kind === 'q' && !transaction) return keep({ kind, code: `${location.origin}/q/${code}` });
  if (kind === 'here' && transaction) return keep({ kind, code: `${location.origin}/q/${code}`, transaction });
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
