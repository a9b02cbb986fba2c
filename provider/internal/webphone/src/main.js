// The web phone: what mobile-sim does, for people, in a browser.

import { h, say } from './dom.js';
import * as keys from './keys.js';
import { arrive, seen, waiting } from './landing.js';
import { onward } from './onward.js';
import { enrolled } from './provider.js';
import { become, define, start } from './router.js';
import * as account from './screens/account.js';
import { consent } from './screens/consent.js';
import * as enrol from './screens/enrol.js';
import { events } from './screens/events.js';
import { help } from './screens/help.js';
import { home } from './screens/home.js';
import { landed } from './screens/landed.js';
import { logins } from './screens/logins.js';
import * as outcome from './screens/outcome.js';
import { unlock } from './screens/passkeys.js';
import { phones } from './screens/phones.js';
import { problem, stopped } from './screens/problem.js';
import { scan, type } from './screens/scan.js';
import { trustedScript } from './trusted.js';
import { t } from './words.js';

const lasting = { home, scan, type, logins, phones, events, help, account: account.account, recover: enrol.recover };
const passing = {
  landed,
  consent,
  problem,
  stopped,
  welcome: enrol.welcome,
  code: enrol.code,
  ready: enrol.ready,
  unlock,
  waiting: enrol.waiting,
  removed: enrol.removed,
  approved: outcome.approved,
  confirming: outcome.confirming,
  denied: outcome.denied,
  unheard: outcome.unheard,
  expired: outcome.expired,
  delete: account.erase,
  deleted: account.deleted,
};
for (const [name, show] of Object.entries(lasting)) define(name, show, { lasting: true });
for (const [name, show] of Object.entries(passing)) define(name, show);

const app = document.getElementById('app');
start(app);
begin();

async function begin() {
  // A touch must be meant for what is seen (clickjacking). The browser refuses frames already; this is for one that does not.
  if (window.top !== window.self) return become('stopped', { why: 'framed' });
  arrive();
  addEventListener('hashchange', () => arrive() && go());
  network();
  await go();
  keepShell();
}

async function go() {
  await seen();
  if (await enrolled().catch(() => false)) return waiting() ? onward() : become('home');
  const why = await keys.trouble();
  if (why) return become('stopped', { why });
  return become('code');
}

// Says that there is no network, for as long as there is none.
function network() {
  const note = h('p', { class: 'network', role: 'status' });
  app.before(note);
  const look = () => say(note, navigator.onLine ? '' : t('offline'));
  addEventListener('online', look);
  addEventListener('offline', look);
  look();
}

// The service worker, which shows this page where there is no network.
async function keepShell() {
  try {
    await navigator.serviceWorker.register(trustedScript('/phone/sw.js'), { scope: '/phone', updateViaCache: 'none' });
  } catch {
    // A certificate that the browser does not trust, or no workers: then there is no page without a network.
  }
}
