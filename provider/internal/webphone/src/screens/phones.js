// The phones of the account.

import { h } from '../dom.js';
import * as provider from '../provider.js';
import { again } from '../router.js';
import { ask, button, name, screen } from '../ui.js';
import { day, moment } from '../when.js';
import { rich, t } from '../words.js';
import { active, leave } from './enrol.js';

export async function phones() {
  const all = await provider.devices();
  // What asks for something comes first.
  const sorted = [...all].sort((a, b) => active({ device: a }) - active({ device: b }) || b.current - a.current);
  return screen({ title: t('phones.title') }, h('ul', { class: 'cards' }, sorted.map(card)));
}

function card(device) {
  const waits = !active({ device });
  return h(
    'li',
    { class: waits ? 'card asks' : 'card' },
    h('h2', {}, name(device.name), device.current && h('span', { class: 'tag' }, t('phones.this'))),
    h('p', { class: 'soft' }, t('phones.since', { time: day(device.created_at) })),
    waits
      ? h('p', {}, t('phones.waits', { time: moment(device.active_at) }))
      : !device.current && h('p', { class: 'soft' }, t('phones.seen', { time: moment(device.last_seen_at) })),
    h('div', { class: 'pair' }, ways(device, waits)),
  );
}

function ways(device, waits) {
  if (device.current) return button(t('phones.remove'), () => leave(device.id, device.name));
  if (!waits) return button(t('phones.remove'), () => sure('remove', device, () => provider.removeDevice(device.id)));
  return [
    button(t('phones.refuse'), () => sure('refuse', device, () => provider.removeDevice(device.id))),
    button(t('phones.allow'), () => sure('allow', device, () => provider.allowDevice(device.id)), { class: 'yes' }),
  ];
}

async function sure(what, device, act) {
  const title = rich(`phones.${what}.title`, { name: name(device.name) });
  if (!(await ask({ title, text: t(`phones.${what}.text`), yes: t(`phones.${what}`), calm: what === 'allow' }))) return;
  await act();
  await again();
}
