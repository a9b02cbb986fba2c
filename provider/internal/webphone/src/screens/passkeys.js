// Passkeys: the offer to unlock approvals, and what there is of them in the account.

import { h } from '../dom.js';
import * as keys from '../keys.js';
import { onward } from '../onward.js';
import * as passkey from '../passkey.js';
import * as provider from '../provider.js';
import { again, announce, become, go } from '../router.js';
import { ask, button, name, sayProblem, screen } from '../ui.js';
import { day } from '../when.js';
import { rich, t } from '../words.js';

/** A button that has the system ask for the passkey. A person who cancels stays where they are. */
export function passkeyButton(text, act, attributes) {
  const trouble = h('p', { class: 'wrong', role: 'alert' });
  const node = button(
    text,
    async () => {
      trouble.textContent = '';
      try {
        await act();
      } catch (problem) {
        if (!['passkey-cancelled', 'passkey-wrong', 'passkeys-full', 'passkeys-not-possible', 'offline'].includes(problem.code)) throw problem;
        trouble.textContent = sayProblem(problem);
      }
    },
    attributes,
  );
  return { node, trouble };
}

/** The way in for a phone whose passkey is there already. */
export const byPasskey = (text, attributes) =>
  passkeyButton(text, async () => {
    await passkey.recover();
    become('ready', { persisted: await keys.persist() });
  }, attributes);

/** Whether the unlock is to be offered: it can be had, is not there yet, and was not refused. */
const offered = async ({ passkeys_allowed, device }) =>
  passkeys_allowed && !device.passkey && !(await keys.read('unlock-later')) && passkey.available();

/** What comes after the enrolment: the offer, or the way on. */
export const afterwards = async () => ((await offered(await provider.account())) ? become('unlock') : onward());

/** The offer. */
export function unlock() {
  const setUp = passkeyButton(t('passkey.unlock.button'), async () => {
    await passkey.register();
    await onward();
    announce(t('passkey.added'));
  }, { class: 'yes' });
  const later = button(t('later'), async () => {
    await keys.write('unlock-later', true);
    await onward();
  }, { class: 'plain' });
  return screen({ title: t('passkey.unlock.title'), lead: t('passkey.unlock.lead'), leading: false }, [
    h('p', {}, t('passkey.unlock.synced')),
    setUp.trouble,
  ], [later, setUp.node]);
}

/** The same at home, for who had something else to do first; undefined where there is nothing to offer. */
export async function note(account) {
  if (!(await offered(account))) return undefined;
  return h('div', { class: 'note' }, h('p', {}, t('passkey.unlock.note')), button(t('passkey.unlock.look'), () => go('unlock')));
}

/** The account's passkeys, and a way to one for this phone, or why there is none. */
export async function section({ passkeys_allowed, device }) {
  if (!passkeys_allowed) return titled(h('p', { class: 'soft' }, t('passkey.impossible')));
  const [all, here] = await Promise.all([provider.passkeys(), passkey.available()]);
  const add = passkeyButton(t('passkey.unlock.button'), async () => {
    await passkey.register();
    await again();
    announce(t('passkey.added'));
  });
  return titled([
    h('p', { class: 'soft' }, t(device.passkey ? 'passkey.on' : here ? 'passkey.off' : 'passkey.nothing')),
    all.length > 0 && h('ul', { class: 'cards' }, all.map(card)),
    !device.passkey && here && [add.node, add.trouble],
    device.passkey && h('p', { class: 'soft' }, t('passkey.lost')),
  ]);
}

const titled = (body) => [h('h2', {}, t('passkey.title')), body];

function card({ id, name: called, created_at, current }) {
  const remove = passkeyButton(t('passkey.remove'), async () => {
    const text = [t('passkey.remove.text'), current && t('passkey.remove.here')].filter(Boolean);
    if (!(await ask({ title: rich('passkey.remove.title', { name: name(called) }), text, yes: t('passkey.remove') }))) return;
    await provider.removePasskey(id);
    await again();
    announce(t('passkey.removed'));
  });
  return h(
    'li',
    { class: 'card' },
    h('h3', {}, name(called), current && h('span', { class: 'tag' }, t('phones.this'))),
    h('p', { class: 'soft' }, t('phones.since', { time: day(created_at) })),
    h('div', { class: 'pair' }, remove.node),
    remove.trouble,
  );
}
