// What did not work, in words, and what to do about it; and what keeps this page from beginning at all.

import { h } from '../dom.js';
import { become, go } from '../router.js';
import { button, sayProblem, screen } from '../ui.js';
import { t } from '../words.js';
import { removed, waiting } from './enrol.js';

// Problems with a code: another one is the way on.
const OF_CODES = /^(code-|picture-|too-late|too-far|gone$|claimed-|outside|other-account|not-allowed|consent-|foreign-|handoff-)/;

export function problem({ problem: what, retry }, signal) {
  if (what.code === 'device-unknown') return removed();
  if (what.code === 'device-waiting') return waiting({}, signal);
  const offline = what.code === 'offline';
  if (offline && retry) addEventListener('online', retry, { signal });
  const { transaction } = what;
  return screen({
    title: offline ? t('problem.offline.title') : t('problem.title'),
    lead: sayProblem(what),
    badge: offline ? 'cross' : 'care',
    leading: false,
  }, [], [
    transaction ? button(t('problem.site'), () => location.replace(`/authorize/${transaction}`), { class: 'plain' }) : button(t('home'), () => become('home'), { class: 'plain' }),
    OF_CODES.test(what.code) && !transaction
      ? button(t('problem.scan'), () => become('home').then(() => go('scan')), { class: 'yes' })
      : retry && button(t('again'), retry, { class: 'yes' }),
  ]);
}

/** A screen that says only why there is nothing else: insecure, no-store, framed. */
export const stopped = ({ why }) =>
  screen({ title: t(`${why}.title`), lead: t(`${why}.lead`), badge: 'care', leading: false }, why === 'no-store' && [
    h('p', {}, t('no-store.how')),
  ]);
