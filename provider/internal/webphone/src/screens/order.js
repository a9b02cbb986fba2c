// An order in a consent, and the way to pay it.

import { h } from '../dom.js';
import { amount, sum } from '../money.js';
import { payee } from '../payee.js';
import { name } from '../ui.js';
import { rich, t } from '../words.js';

/** The total with its currency. */
export const total = ({ order, currency_digits }) => amount(order.total, currency_digits, order.currency);

/** RFC 10027 §6.1.17: a code that is stuck over a machine's own names another machine. */
export const machine = ({ kiosk }) =>
  kiosk &&
  h(
    'div',
    { class: 'machine', id: 'machine' },
    h('p', {}, t('order.at')),
    h('p', { class: 'stands' }, name(kiosk.place)),
    h('p', {}, rich('order.machine', { id: name(kiosk.id) })),
    h('p', {}, h('strong', {}, t('order.same'))),
  );

export function goods({ order, currency_digits: digits }) {
  const row = (what, worth, props) => h('div', props, h('dt', {}, what), h('dd', {}, worth));
  return [
    h('h2', {}, rich('order.by', { merchant: name(order.merchant) })),
    h(
      'dl',
      { class: 'order', id: 'order' },
      order.lines.map((line) =>
        row([name(line.name), h('small', {}, `${amount(line.quantity, 0)} × ${amount(line.unit_price, digits)}`)], amount(sum(line), digits)),
      ),
      row(t('order.total'), total({ order, currency_digits: digits }), { class: 'total' }),
      row(t('order.number'), name(order.order_id)),
      order.payment_uri && row(t('order.payee'), name(payee(order.payment_uri))),
    ),
  ];
}

/** The link to where an order is paid. */
export const payment = ({ payment_uri: href } = {}) =>
  href && payee(href) && h('a', { class: 'yes', id: 'pay', href, target: '_blank', rel: 'noopener noreferrer' }, h('span', {}, rich('order.pay', { payee: name(payee(href)) })));
