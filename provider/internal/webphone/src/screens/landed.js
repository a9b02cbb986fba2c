// What a QR code's link opens on a phone that is set up. The code stays fresh meanwhile: the provider has left a ticket in this browser.

import { h } from '../dom.js';
import { take } from '../landing.js';
import { onward } from '../onward.js';
import { become } from '../router.js';
import { button, screen } from '../ui.js';
import { t } from '../words.js';

export function landed() {
  function leave() {
    take();
    become('home');
  }
  return screen(
    { title: t('landed.title'), lead: t('landed.lead'), leading: false },
    h('p', { class: 'education' }, t('consent.education')),
    [button(t('later'), leave), button(t('landed.see'), onward, { class: 'yes', id: 'see' })],
  );
}
