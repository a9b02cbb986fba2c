// Who asks, from where, for what; decline or approve. Shown is what the bytes say that the scan returned, and these bytes are signed.

import { h, icon, say } from '../dom.js';
import * as provider from '../provider.js';
import { announce, become } from '../router.js';
import { settle } from '../settle.js';
import { name, sayProblem, screen, shapes } from '../ui.js';
import { browser, left, place } from '../when.js';
import { has, of, rich, t } from '../words.js';
import { chooser } from './handoff.js';
import { goods, machine, total } from './order.js';

// What another try may mend, or another file.
const MENDABLE = [
  'offline', 'unavailable', 'passkey-required', 'passkey-wrong', 'passkey-cancelled',
  'file-unreadable', 'handoffs-full', 'handoff-missing', 'handoff-too-large', 'handoff-malformed',
];

/** One of: code, a text; blob, a picture. transaction: of the hosted page in this browser, which waits for the decision. */
export async function consent({ code, blob, transaction }, signal) {
  const claim = await (blob ? provider.scanImage(blob) : provider.scan(code)).catch((problem) => {
    throw Object.assign(problem, { transaction });
  });
  if (signal.aborted) {
    provider.release(claim.challenge).catch(() => {});
    throw new Error('left'); // nobody sees it
  }
  const asked = claim.consent;
  const kind = asked.order ? 'order' : asked.handoff && 'handoff';
  const site = () => name(asked.client.name);
  const trouble = h('p', { class: 'wrong', role: 'alert' });
  const session = asked.session_offered && h('input', { type: 'checkbox', id: 'session', 'aria-describedby': 'session-hint' });
  const decline = h('button', { type: 'button', id: 'decline', onclick: (event) => decide(event, 'deny') }, t('consent.decline'));
  const approve = h(
    'button',
    { type: 'button', id: 'approve', class: 'yes', disabled: true, onclick: (event) => decide(event, 'approve') },
    asked.order ? t('consent.approve.order', { total: total(asked) }) : t(of(kind, 'consent.approve')),
  );

  let decided = false;
  let busy = false;
  let sending = false; // a handoff, which nothing has been decided on
  let sent = {}; // of which file, and what the approval calls it
  const file = asked.handoff && chooser(asked, () => settled());
  const settled = settle(approve, signal, () => !busy && (!file || file.chosen() !== undefined));
  countdown();
  await giveBack();

  async function decide(event, decision) {
    // RFC 10027 §6.1.14: a person decides. A script's click is none.
    if (!event.isTrusted || busy) return;
    busy = true;
    trouble.textContent = '';
    approve.disabled = decline.disabled = true;
    (decision === 'approve' ? approve : decline).ariaBusy = 'true';
    const keepsSession = decision === 'approve' && session?.checked === true;
    try {
      const handoff = decision === 'approve' && file ? await send(file.chosen()) : undefined;
      const outcome = await provider.decide(claim, decision, { session: keepsSession || undefined, handoff });
      decided = true;
      if (transaction) location.replace(`/authorize/${transaction}`);
      else become(outcome.state, { client: asked.client.name, kind, order: asked.order, session: keepsSession, digits: outcome.confirmation_code });
    } catch (problem) {
      if (sending && signal.aborted) return; // and given back
      busy = sending = false;
      if (problem.code === 'handoff-missing') sent = {};
      // What another try may mend is said here; the request is still there.
      if (problem instanceof provider.Problem && !MENDABLE.includes(problem.code)) {
        decided = true;
        become('problem', { problem: Object.assign(problem, { transaction }) });
        return;
      }
      approve.ariaBusy = decline.ariaBusy = null;
      decline.disabled = false;
      settled();
      trouble.textContent = sayProblem(problem);
    }
  }

  // Sends a file, once. Whoever leaves meanwhile approves nothing.
  async function send(chosen) {
    if (sent.file === chosen) return sent.name;
    sending = true;
    announce(t('handoff.sending'));
    say(note, t('handoff.sending'));
    try {
      sent = { file: chosen, name: await provider.handOff(claim, chosen) };
    } finally {
      say(note, '');
    }
    signal.throwIfAborted();
    sending = false;
    return sent.name;
  }

  function countdown() {
    let hurried = false;
    const tick = setInterval(() => {
      const rest = claim.until - performance.now();
      say(clock, left(rest));
      if (rest < 30_000 && !hurried) {
        hurried = true;
        announce(t('consent.hurry'));
      }
      if (rest <= 0 && !busy) {
        decided = true;
        become(claim.unheard === 'approve' ? 'unheard' : 'expired', { client: asked.client.name, kind, transaction });
      }
    }, 500);
    signal.addEventListener('abort', () => clearInterval(tick));
  }

  // Whoever leaves without a decision gives the code back, so that it may be scanned again. A page that goes away cannot sign any
  // more, so a proof is at hand, and renewed before it is too old.
  async function giveBack() {
    let release = await provider.releaser(claim.challenge);
    const renew = setInterval(async () => (release = await provider.releaser(claim.challenge)), 25_000);
    const leaving = () => decided || (busy && !sending) || release();
    addEventListener('pagehide', leaving, { signal });
    // A page that comes back out of the browser's memory shows a claim that it has given back.
    addEventListener('pageshow', ({ persisted }) => persisted && become('home'), { signal });
    signal.addEventListener('abort', () => {
      clearInterval(renew);
      if (!decided) provider.release(claim.challenge).catch(() => {});
    });
  }

  const note = h('p', { class: 'soft' });
  const clock = h('span', { class: 'clock' }, left(claim.until - performance.now()));
  const warnings = warned(asked);
  const later = () => (transaction ? location.replace(`/authorize/${transaction}`) : become('home'));
  return screen({
    leading: h('button', { class: 'back', onclick: later }, icon(shapes.cross), t('later')),
    before:
      warnings.length > 0 &&
      h('div', { class: 'care', id: 'warnings' }, h('strong', {}, t('consent.warning')), warnings.map((warning) => h('p', {}, warning))),
    described: warnings.length > 0 ? 'warnings' : undefined,
    title: rich(of(kind, 'consent.title'), { site: site() }),
  }, [
    h(
      'div',
      { class: 'site' },
      logo(asked.client),
      h('ul', { class: 'domains' }, listed(asked.client.domains, t('consent.nodomain'))),
    ),
    asked.order && [machine(asked.order), goods(asked)],
    file?.node,
    h('h2', {}, t(of(kind, 'consent.from'))),
    h('ul', { class: 'facts' }, origin(asked).map((line) => h('li', {}, line))),
    h('h2', {}, rich('consent.gets', { site: site() })),
    h('ul', { class: 'gets' }, gets(asked).map((line) => h('li', {}, line))),
    asked.binding_message && [h('h2', {}, rich('consent.says', { site: site() })), h('p', { class: 'says' }, name(asked.binding_message))],
    session &&
      h(
        'label',
        { class: 'check', for: 'session' },
        session,
        h('span', {}, t('consent.session'), h('small', { id: 'session-hint' }, t('consent.session.hint'))),
      ),
    asked.confirmation && h('p', {}, t('consent.digits')),
    h('p', { class: 'education' }, asked.same_browser ? rich('consent.education.here', { site: site() }) : t(of(kind, 'consent.education'))),
    h('p', { class: 'soft', role: 'timer', 'aria-live': 'off' }, rich('consent.left', { time: clock })),
    note,
    trouble,
  ], [h('div', { class: 'pair' }, decline, approve)]);
}

const listed = (texts, none) => (texts.length > 0 ? texts.map((text) => h('li', {}, name(text))) : h('li', {}, none));

// A site's picture, from the provider (nothing is asked of the site), or its first letter.
function logo({ id, name: called }) {
  const letter = h('span', { class: 'mark', 'aria-hidden': 'true' }, Array.from(called)[0] ?? '');
  const picture = h('img', { class: 'mark', alt: '', src: `/logos/${encodeURIComponent(id)}`, onerror: () => picture.replaceWith(letter) });
  return picture;
}

function warned({ warnings = [], browser: shown, phone }) {
  const there = place(shown.place);
  const here = place(phone?.place);
  return warnings.map((warning) => {
    if (warning === 'elsewhere' && there && here) return rich('consent.warning.elsewhere.places', { there: name(there), here: name(here) });
    const key = `consent.warning.${warning}`;
    return has(key) ? t(key) : rich('consent.warning.other', { warning: name(warning) });
  });
}

function origin({ browser: shown, proximity, same_browser }) {
  const lines = [];
  if (same_browser) lines.push(t('consent.here'));
  if (shown.name) lines.push(browser(shown.name));
  else if (shown.user_agent) lines.push(rich('consent.agent', { agent: name(shown.user_agent) }));
  const at = place(shown.place);
  if (shown.address) lines.push(at ? rich('consent.at.place', { place: name(at), address: name(shown.address) }) : rich('consent.at', { address: name(shown.address) }));
  if (lines.length === 0) return [t('consent.nobrowser')];
  if (proximity && !same_browser) lines.push(t(has(`consent.near.${proximity}`) ? `consent.near.${proximity}` : 'consent.near.unknown'));
  return lines;
}

function gets({ scopes, resources = [] }) {
  const lines = scopes.map((scope) =>
    has(`consent.scope.${scope}`) ? t(`consent.scope.${scope}`) : rich('consent.scope.other', { scope: name(scope) }),
  );
  lines.push(...resources.map((resource) => rich('consent.resource', { resource: name(resource) })));
  return lines.length > 0 ? lines : [t('consent.nothing')];
}
