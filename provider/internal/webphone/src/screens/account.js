// The account: what it is, taking what is kept of it along, and ending it.

import { h } from '../dom.js';
import * as install from '../install.js';
import * as provider from '../provider.js';
import { announce, become, go } from '../router.js';
import { ask, button, field, form, name, screen } from '../ui.js';
import { day } from '../when.js';
import { t } from '../words.js';
import { languageSwitch } from './language.js';
import * as passkeys from './passkeys.js';

export async function account() {
  const whole = await provider.account();
  const { phone_number, created_at, issuer } = whole;
  return screen({ title: t('account.title') }, [
    h(
      'dl',
      {},
      pair(t('account.number'), name(phone_number)),
      pair(t('account.since'), day(created_at)),
      pair(t('account.provider'), name(new URL(issuer).host)),
      pair(t('account.language'), languageSwitch()),
    ),
    install.offered() && button(t('install.button'), install.install, { class: 'plain' }),
    install.byHand() && h('p', { class: 'note' }, t('install.ios')),
    await passkeys.section(whole),
    h('h2', {}, t('account.data')),
    h('div', { class: 'stack' }, button(t('account.export'), save, { class: 'plain' }), button(t('account.delete'), () => go('delete'), { class: 'danger' })),
  ]);
}

const pair = (term, value) => h('div', {}, h('dt', {}, term), h('dd', {}, value));

async function save() {
  const text = JSON.stringify(await provider.exportAccount(), null, 2);
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  h('a', { href: url, download: `${location.hostname}-account.json` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  announce(t('account.export.done'));
}

export async function erase() {
  const { phone_number } = await provider.account();
  const digits = field(t('delete.label'), { name: 'last', inputmode: 'numeric', maxlength: 4, autocomplete: 'off', class: 'digits' });
  async function sure() {
    if (digits.input.value !== phone_number.slice(-4)) return digits.complain(t('delete.wrong'));
    if (!(await ask({ title: t('delete.sure.title'), text: t('delete.sure.text'), yes: t('delete.button') }))) return;
    await provider.deleteAccount();
    await provider.forget();
    become('deleted');
  }
  return screen({ title: t('delete.title'), lead: t('delete.lead') }, form([digits.node], t('delete.button'), sure, undefined, 'danger'));
}

export const deleted = () =>
  screen({ title: t('deleted.title'), lead: t('deleted.lead'), badge: 'tick', leading: false }, [], [
    button(t('done'), () => become('welcome'), { class: 'yes' }),
  ]);
