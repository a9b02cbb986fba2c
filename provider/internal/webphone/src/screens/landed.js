// What a QR code's link opens on a phone that is set up, or a site in this same browser: a link that says so may come from anywhere, too.
// The code stays fresh meanwhile: the provider has left a ticket in this browser.

import { h } from '../dom.js';
import { take, waiting } from '../landing.js';
import { onward } from '../onward.js';
import { become } from '../router.js';
import { settle } from '../settle.js';
import { button, screen } from '../ui.js';
import { t } from '../words.js';

export function landed(_, signal) {
  const { transaction } = waiting() ?? {};
  function leave() {
    take();
    if (transaction) location.replace(`/authorize/${transaction}`);
    else become('home');
  }
  const see = button(t('landed.see'), onward, { class: 'yes', id: 'see', disabled: true });
  settle(see, signal);
  return screen(
    { title: t('landed.title'), lead: t(transaction ? 'landed.here' : 'landed.lead'), leading: false },
    h('p', { class: 'education' }, t(transaction ? 'landed.education.here' : 'consent.education')),
    [button(t('later'), leave), see],
  );
}
