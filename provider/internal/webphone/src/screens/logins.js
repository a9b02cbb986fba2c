// Where the account is, or was, logged in.

import { h } from '../dom.js';
import * as provider from '../provider.js';
import { again, announce } from '../router.js';
import { ask, button, dots, name, screen } from '../ui.js';
import { browser, moment, place } from '../when.js';
import { rich, t } from '../words.js';

/** A login in a list that is headed by level - 1. ways: buttons under it. */
export function card({ client, browser: shown, address, place: where, at, ended_at, session }, level, ways = []) {
  return h(
    'li',
    { class: ended_at ? 'card over' : 'card' },
    h(`h${level}`, {}, name(client.name)),
    ways.length > 0 && client.domains.length > 0 && h('p', { class: 'soft' }, client.domains.join(', ')),
    h('p', {}, dots(browser(shown), place(where) || address)),
    h('p', { class: 'soft' }, ended_at ? t('logins.ended', { time: moment(ended_at) }) : dots(moment(at), session && t('logins.session'))),
    ways.length > 0 && h('div', { class: 'pair' }, ways),
  );
}

export async function logins() {
  const all = await provider.logins();
  const open = all.filter(({ ended_at }) => !ended_at);
  const past = all.filter(({ ended_at }) => ended_at);
  return screen({ title: t('logins.title'), lead: open.length === 0 && t('logins.none') }, [
    open.length > 0 && h('ul', { class: 'cards' }, open.map((login) => card(login, 2, [end(login), disown(login)]))),
    past.length > 0 && [h('h2', {}, t('logins.past')), h('ul', { class: 'cards' }, past.map((login) => card(login, 3, [disown(login)])))],
  ], [open.length > 1 && button(t('logins.all'), () => sure('logins.all', {}, [], provider.endAllLogins), { class: 'danger' })].filter(Boolean));
}

const end = (login) =>
  button(t('logins.end'), () => sure('logins.end', login, [login.session && t('logins.end.session')], () => provider.endLogin(login.id)));

const disown = (login) => button(t('logins.disown'), () => sure('logins.disown', login, [], () => provider.disownLogin(login.id)));

async function sure(key, { client }, more, act) {
  const text = [rich(`${key}.text`, { site: name(client?.name ?? '') }), ...more].filter(Boolean);
  if (!(await ask({ title: t(`${key}.title`), text, yes: t(key) }))) return;
  await act();
  await again();
  announce(t('logins.over'));
}
