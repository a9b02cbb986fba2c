// Where one begins: scan, and what one may want to look at.

import { h } from '../dom.js';
import * as provider from '../provider.js';
import { become, go } from '../router.js';
import { button, menu, name, sayProblem, screen } from '../ui.js';
import { moment } from '../when.js';
import { rich, t } from '../words.js';
import { active } from './enrol.js';
import { card } from './logins.js';
import { note } from './passkeys.js';

// The buttons are there at once, whatever the network does; the rest comes.
export async function home(_, signal) {
  if (!(await provider.enrolled().catch(() => false))) return become('code'); // this is no phone, or not any more
  const lead = h('span', {});
  const news = h('div', { role: 'status' });
  const recent = h('div', {});
  fill(lead, news, recent).catch((problem) => {
    if (signal.aborted) return;
    if (['device-unknown', 'device-waiting'].includes(problem.code)) become('problem', { problem });
    else news.replaceChildren(h('p', { class: 'note' }, sayProblem(problem)));
  });
  return screen({ title: t('home.title'), lead, leading: false }, [
    news,
    recent,
    menu([
      { text: t('home.logins'), hint: t('home.logins.hint'), to: 'logins' },
      { text: t('home.phones'), to: 'phones' },
      { text: t('home.events'), to: 'events' },
      { text: t('home.account'), to: 'account' },
      { text: t('home.help'), to: 'help' },
    ]),
  ], [
    button(t('home.type'), () => go('type'), { class: 'plain' }),
    button(t('home.scan'), () => go('scan'), { class: 'yes', id: 'scan' }),
  ]);
}

async function fill(lead, news, recent) {
  const account = await provider.account();
  lead.replaceChildren(...rich('home.lead', { number: name(account.phone_number), device: name(account.device.name) }));
  if (!active(account)) throw new provider.Problem('device-waiting');
  const [devices, logins, unlock] = await Promise.all([provider.devices(), provider.logins(), note(account)]);
  const waiting = devices.filter((device) => !device.current && !active({ device }));
  news.replaceChildren(
    ...waiting.map((device) =>
      h(
        'div',
        { class: 'note' },
        h('p', {}, rich('home.newphone', { name: name(device.name), time: moment(device.created_at) })),
        button(t('home.newphone.look'), () => go('phones')),
      ),
    ),
    ...(unlock ? [unlock] : []),
  );
  const open = logins.filter(({ ended_at }) => !ended_at).slice(0, 2);
  if (open.length > 0) recent.replaceChildren(h('h2', {}, t('home.recent')), h('ul', { class: 'cards' }, open.map((login) => card(login, 3))));
}
