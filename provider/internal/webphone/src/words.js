// Every word that a person reads, in every language there is.

import en from './words/en.js';
import zh from './words/zh.js';

const languages = { en, zh };
const KEY = 'qrlogin-language';

let chosen = pick();

function pick() {
  let kept;
  try {
    kept = localStorage.getItem(KEY);
  } catch {
    // No storage: the browser's languages say it.
  }
  const wanted = [kept, ...navigator.languages].map((tag) => tag?.slice(0, 2).toLowerCase());
  return wanted.find((tag) => tag in languages) ?? 'en';
}

/** The language that is spoken: 'en' or 'zh'. */
export const language = () => chosen;

/** Speaks another language from now on; the screen is to be shown again. */
export function speak(tag) {
  chosen = tag;
  try {
    localStorage.setItem(KEY, tag);
  } catch {
    // Then it is for this visit.
  }
}

/** The words for a key; {name} in them is replaced by params.name. */
export function t(key, params = {}) {
  const text = languages[chosen][key] ?? en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => params[name] ?? whole);
}

/** The same as a list of texts and nodes, for params that are nodes. */
export const rich = (key, params) =>
  t(key)
    .split(/\{(\w+)\}/)
    .map((part, n) => (n % 2 ? params[part] : part));

/** Whether there are words for a key. */
export const has = (key) => key in en;

/** The key of the words for an order or a handoff, where these are not the same as for a login. @param {'order'|'handoff'} [kind] */
export const of = (kind, key) => (has(`${key}.${kind}`) ? `${key}.${kind}` : key);

/** The language's tag, for lang attributes and for Intl. */
export const tag = () => t('lang');
