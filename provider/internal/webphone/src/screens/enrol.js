// Making this phone one of an account: by a number and a code sent to it, or by what was had before.

import { h } from '../dom.js';
import * as install from '../install.js';
import * as keys from '../keys.js';
import { waiting as landed } from '../landing.js';
import { onward } from '../onward.js';
import * as passkey from '../passkey.js';
import { likelyRegion, prefixes } from '../prefixes.js';
import * as provider from '../provider.js';
import { again, become, go } from '../router.js';
import { deviceName } from '../suggest.js';
import { ask, button, field, form, name, sayProblem, screen } from '../ui.js';
import { moment } from '../when.js';
import { rich, t, tag } from '../words.js';
import { languageSwitch } from './language.js';
import { afterwards, byPasskey } from './passkeys.js';

export async function welcome() {
  if (await provider.enrolled().catch(() => false)) return onward(); // in another tab
  const region = h('select', { id: 'region', autocomplete: 'country' }, regions());
  region.value = likelyRegion();
  const number = field(t('welcome.number'), {
    type: 'tel',
    name: 'number',
    autocomplete: 'tel',
    inputmode: 'tel',
    maxlength: 32,
    required: true,
    oninput() {
      number.complain('');
      // Whoever types the prefix has said the country.
      const typed = /^\+(\d+)/.exec(number.input.value.replace(/[\s()-]/g, ''))?.[1];
      const known = typed && [...prefixes].find(([, prefix]) => typed.startsWith(prefix) && prefix.length > 1);
      if (known && prefixes.get(region.value) !== known[1]) region.value = known[0];
    },
  });
  const device = field(
    t('welcome.device'),
    { name: 'device', maxlength: 64, value: await deviceName(), autocomplete: 'off', enterkeyhint: 'send' },
    t('welcome.device.hint'),
  );
  const rows = [
    h('div', { class: 'field' }, h('label', { for: 'region' }, t('welcome.country')), region),
    number.node,
    device.node,
  ];
  async function send() {
    const typed = number.input.value.trim();
    if (!/\d{4}/.test(typed.replace(/\D/g, ''))) throw new provider.Problem('phone-number-invalid');
    const whole = typed.startsWith('+') ? typed : `+${prefixes.get(region.value)} ${typed}`;
    await provider.startEnrollment(whole, device.input.value.trim() || t('name'));
    go('code');
  }
  const shown = passkey.possible() && byPasskey(t('passkey.have'), { class: 'link' });
  return screen({ title: t('welcome.title'), lead: t('welcome.lead'), leading: false, before: languageSwitch() }, [
    landed()?.code && h('p', { class: 'note' }, t('welcome.waiting')),
    install.byHand() && h('p', { class: 'note' }, t('welcome.ios'), landed()?.code && ` ${t('welcome.ios.code')}`),
    form(rows, t('welcome.send'), send, inField(number)),
    shown && h('div', { class: 'aside' }, shown.node, shown.trouble),
    h('p', { class: 'aside' }, button(t('welcome.recover'), () => go('recover'), { class: 'link' })),
  ]);
}

// What is wrong with what was typed is said where it was typed.
const inField =
  ({ complain }) =>
  (problem) => {
    const here = ['phone-number-invalid', 'enrollment-code-wrong', 'enrollment-replaced', 'too-many-requests', 'country-not-served', 'offline', 'unavailable'];
    if (!here.includes(problem.code)) return false;
    complain(sayProblem(problem));
    return true;
  };

function regions() {
  const names = new Intl.DisplayNames(tag(), { type: 'region' });
  return [...prefixes.keys()]
    .map((region) => [names.of(region), region])
    .sort(([a], [b]) => a.localeCompare(b, tag()))
    .map(([land, region]) => h('option', { value: region }, `${land} +${prefixes.get(region)}`));
}

export async function code(_, signal) {
  const pending = await keys.read('pending');
  if (!(pending?.until > Date.now())) return become('welcome');
  const digits = field(t('code.label'), {
    name: 'code',
    autocomplete: 'one-time-code',
    inputmode: 'numeric',
    maxlength: 6,
    pattern: '[0-9]{6}',
    class: 'digits',
    oninput() {
      digits.complain('');
      digits.input.value = digits.input.value.replace(/\D/g, '');
      if (digits.input.value.length === 6) node.querySelector('form').requestSubmit();
    },
  });
  async function confirm() {
    const account = await provider.confirmEnrollment(pending, digits.input.value);
    const persisted = await keys.persist();
    become(active(account) ? 'ready' : 'waiting', { persisted });
  }
  const node = screen({ title: t('code.title'), lead: rich('code.lead', { number: name(pending.number) }), leading: false }, [
    form([digits.node], t('code.send'), confirm, inField(digits)),
    h(
      'p',
      { class: 'aside' },
      button(
        t('code.other'),
        async () => {
          await provider.abandon(pending);
          become('welcome');
        },
        { class: 'link' },
      ),
    ),
  ]);
  readMessage(signal).then((sent) => {
    if (!sent || signal.aborted) return;
    digits.input.value = sent;
    node.querySelector('form').requestSubmit();
  });
  return node;
}

// WebOTP: the browser reads the code from the message, where the message names this page, and asks the person.
async function readMessage(signal) {
  if (!('OTPCredential' in window)) return undefined;
  try {
    return (await navigator.credentials.get({ otp: { transport: ['sms'] }, signal }))?.code;
  } catch {
    return undefined; // typed, then
  }
}

/** Whether the device of an account works by now. */
export const active = ({ device }) => !device.active_at || Date.parse(device.active_at) <= Date.now();

export const ready = ({ persisted }) =>
  screen({ title: t('ready.title'), lead: t('ready.lead'), badge: 'tick', leading: false }, [
    !persisted && !install.installed() && !install.byHand() && h('p', { class: 'note' }, t('ready.fragile')),
    install.byHand() && h('p', {}, t('install.ios')),
  ], [
    install.offered() && button(t('install.button'), install.install, { class: 'plain' }),
    button(t('ready.continue'), landed() ? onward : afterwards, { class: 'yes' }),
  ]);

const LOOK = 15_000; // how often a waiting phone asks, in milliseconds

export async function waiting(_, signal) {
  const account = await provider.account();
  if (active(account)) return ready({ persisted: true });
  const { active_at, name: called, id } = account.device;
  const timer = setInterval(async () => {
    if (document.visibilityState !== 'visible') return;
    const now = await provider.account().catch(() => account);
    if (active(now) && !signal.aborted) become('ready', { persisted: true });
  }, LOOK);
  signal.addEventListener('abort', () => clearInterval(timer));
  return screen({ title: t('waiting.title'), lead: t('waiting.lead', { time: moment(active_at) }), badge: 'clock', leading: false }, [
    h('p', {}, rich('waiting.how', { name: name(called) })),
    h('p', { class: 'soft' }, t('waiting.refused')),
    h('p', { class: 'aside' }, button(t('waiting.remove'), () => leave(id, called), { class: 'link' })),
  ], [button(t('waiting.check'), () => again(), { class: 'yes' })]);
}

/** Removes this very phone from its account, after asking. */
export async function leave(id, called) {
  const yes = await ask({ title: rich('phones.remove.title', { name: name(called) }), text: t('phones.remove.self'), yes: t('phones.remove') });
  if (!yes) return;
  await provider.removeDevice(id, true);
  await provider.forget();
  become('welcome');
}

export async function recover() {
  const can = passkey.possible();
  const shown = byPasskey(t('recover.passkey.button'), { class: 'yes' });
  return screen({ title: t('recover.title'), lead: t('recover.lead') }, [
    can && h('p', {}, t('recover.passkey')),
    h('p', {}, t('recover.number')),
    h('p', {}, t('recover.lost')),
    !can && h('p', { class: 'soft' }, t('passkey.impossible')),
    shown.trouble,
  ], [
    button(t('recover.number.button'), () => go('welcome'), { class: can ? 'plain' : 'yes' }),
    can && shown.node,
  ]);
}

export async function removed() {
  return screen({ title: t('removed.title'), lead: t('removed.lead'), badge: 'cross', leading: false }, [], [
    button(
      t('removed.button'),
      async () => {
        await provider.forget();
        become('welcome');
      },
      { class: 'yes' },
    ),
  ]);
}
