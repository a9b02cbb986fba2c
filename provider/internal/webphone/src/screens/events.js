// What happened with the account that its owner may want to know (RFC 10027 §6.1.6).

import { h } from '../dom.js';
import * as provider from '../provider.js';
import { dots, name, screen } from '../ui.js';
import { browser, moment, place } from '../when.js';
import { has, t } from '../words.js';

export async function events() {
  const all = await provider.events();
  return screen({ title: t('events.title'), lead: all.length === 0 && t('events.none') }, [
    all.length > 0 && h('ul', { class: 'cards' }, all.map(card)),
  ]);
}

const card = ({ kind, at, client, browser: shown, address, place: where }) =>
  h(
    'li',
    { class: 'card' },
    h('h2', {}, has(`events.${kind}`) ? t(`events.${kind}`) : name(kind)),
    client && h('p', {}, name(client.name)),
    h('p', { class: 'soft' }, dots(moment(at), browser(shown), place(where) || address)),
  );
