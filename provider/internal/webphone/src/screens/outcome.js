// What came of a decision. The names of the first three are the states of the contract (DecisionResult).

import { h } from '../dom.js';
import { become, go } from '../router.js';
import { button, name, screen } from '../ui.js';
import { of, rich, t } from '../words.js';
import { payment } from './order.js';

const done = (props = { class: 'yes' }) => button(t('done'), () => become('home'), props);
const staying = (session) => session && h('p', {}, t('approved.session'));

export const approved = ({ client, kind, order, session }) =>
  screen(
    { title: t('approved.title'), lead: rich(of(kind, 'approved.lead'), { site: name(client) }), badge: 'tick', leading: false },
    staying(session),
    ways(order),
  );

// Done, and where an order is paid.
function ways(order) {
  const pay = payment(order);
  return pay ? [done({}), pay] : [done()];
}

// RFC 10027 §6.1.16: the digits show that who approves is who sits before the page.
export const confirming = ({ client, kind, order, session, digits }) =>
  screen({ title: t('digits.title'), leading: false }, [
    h('p', { class: 'code', 'aria-label': Array.from(digits).join(' '), role: 'img' }, digits),
    h('p', {}, rich(of(kind, 'digits.lead'), { site: name(client) })),
    h('p', { class: 'care' }, t('digits.care')),
    staying(session),
  ], ways(order));

export const denied = ({ client, kind }) =>
  screen(
    { title: t('declined.title'), lead: rich(of(kind, 'declined.lead'), { site: name(client) }), badge: 'cross', leading: false },
    h('p', { class: 'soft' }, t('declined.more')),
    [done()],
  );

// The answer to an approval was lost, and there is nothing left to ask about it.
export const unheard = ({ client, kind, transaction }) =>
  screen({ title: t('unheard.title'), lead: rich(of(kind, 'unheard.lead'), { site: name(client) }), badge: 'care', leading: false }, [], [
    transaction ? button(t('problem.site'), () => location.replace(`/authorize/${transaction}`)) : button(t('done'), () => become('home')),
    button(t('home.logins'), () => become('home').then(() => go('logins')), { class: 'yes' }),
  ]);

export const expired = ({ transaction }) =>
  screen({ title: t('expired.title'), lead: t('expired.lead'), badge: 'clock', leading: false }, [], [
    transaction && button(t('problem.site'), () => location.replace(`/authorize/${transaction}`)),
    button(t('problem.scan'), () => become('home').then(() => go('scan')), { class: 'yes' }),
  ]);
