// One challenge, from its answer to its end.

import { Frames } from './frames.js';
import { ask, Failure, persist } from './http.js';
import { now, pause } from './time.js';

// No two calls of one kind begin within this time, however fast the other side says "nothing new".
const PACE = 1000;

// How long after its expiry an approved challenge may still be redeemed by the site's backend.
const REDEEMING = 30_000;

export class Challenge {
  // The watch capability: it shows and cancels this challenge. It stays in this field; never in the document or in an event.
  #watch;
  #url;
  #finish;
  #id;
  #view;
  #emit;
  #frames;
  #over = new AbortController();
  #settle;
  #state = 'pending';
  #seen = false;
  #deadline; // by the clock that goes on while the machine sleeps
  #finishing = false;
  #receiver;
  #tries = 3;
  #typed = false;
  #failing = {};
  #open = true;
  scanned = false;

  // answer: what the site's `challenge` URL said; issuer, finish: absolute URLs; receiver: of a handoff, its key; word: what to say beside the
  // code until it is scanned, if not the usual.
  constructor(answer, { issuer, finish, view, emit }, { receiver, word }) {
    this.#receiver = receiver;
    this.#id = answer.challenge_id;
    this.#watch = answer.watch;
    this.#url = `${issuer}/challenges/${encodeURIComponent(this.#id)}`;
    this.#deadline = Date.now() + answer.expires_in * 1000;
    this.#finish = finish;
    this.#view = view;
    this.#emit = emit;
    this.#frames = new Frames(
      (code) => {
        if (!code) return view.show('loading');
        // The phone holds the provider's word against this: it is the page's own.
        view.draw(receiver ? `${code}#${receiver.thumbprint}` : code);
        view.show('pending', [], this.scanned ? undefined : word);
      },
      // While the connection fails, the next answer decides, not the clock.
      () => this.#failing.watch || this.#settle({ name: 'expired' }),
    );
  }

  // Goes through the states and resolves to the end: `{name}` is approved (with location, and content of a handoff), declined (missed: by digits that were wrong),
  // expired (forgotten: before its time, by the provider's store), replaced (the person wants another code), error (with code and, of an answer,
  // status) or stopped (the signal aborted).
  async follow(signal) {
    const end = await new Promise((resolve) => {
      this.#settle = resolve;
      signal.addEventListener('abort', () => resolve({ name: 'stopped' }), { signal: this.#over.signal });
      this.#guard(this.#watching().catch((failure) => this.#gone(failure)));
    });
    this.#over.abort();
    this.#frames.stop();
    this.#view.offline(false);
    const gone = this.cancel();
    if (end.name !== 'stopped') await gone;
    return end;
  }

  // Has the provider forget what was handed off. Never rejects: without it that goes within a minute.
  async forget() {
    const { headers, credentials, redirect } = this.#asBrowser();
    const { signal } = new AbortController();
    const send = () => ask(`${this.#url}/receipt`, { method: 'POST', headers, credentials, redirect, keepalive: true, signal });
    await persist(send, signal, () => {}).catch(() => {});
  }

  // Cancels the challenge, unless it has ended or the phone has approved (#open says so). Never rejects; a page that is being left may call it.
  async cancel() {
    if (!this.#open) return;
    this.#open = false;
    try {
      const signal = AbortSignal.timeout(3000);
      await fetch(this.#url, { method: 'DELETE', ...this.#asBrowser(), keepalive: true, signal });
    } catch {
      // It expires by itself.
    }
  }

  // Follows the state by long polls until the rest is the site's.
  async #watching() {
    for (let after = 0; ; ) {
      const asked = now();
      const { body: view, at } = await this.#persist('watch', () => this.#look(after), () => {
        // The frames at hand may be past by the time the connection is back: look afresh.
        after = 0;
      });
      this.#deadline = Date.now() + view.expires_in_ms;
      this.#enter(view);
      if (view.state === 'pending') this.#frames.play(view.frames ?? [], at);
      if (view.state === 'approved' || view.state === 'redeemed') return;
      // A provider that answers early, as one that shuts down does, is not asked in a tight loop.
      if (view.version === after) await pause(PACE - (now() - asked), this.#over.signal);
      after = view.version;
    }
  }

  // Resolves to what is newer than `after`. Where the provider has no place to wait, it looks every few seconds: nothing has failed,
  // and the person need not know.
  async #look(after) {
    const look = (after) => ask(`${this.#url}?after=${after}`, this.#asBrowser());
    try {
      return await look(after);
    } catch (failure) {
      if (failure.problem !== 'waiting-full' || failure.after === undefined) throw failure;
      await pause(failure.after * 1000 + Math.random() * 250, this.#over.signal);
      return look(0);
    }
  }

  #enter({ state, tries_left }) {
    const before = this.#state;
    this.#seen = true;
    this.#state = state;
    if (state === 'pending') return;
    this.#frames.stop();
    this.scanned = true;
    if (state === 'approved' || state === 'redeemed') {
      this.#open = false;
      this.#view.show('approved');
    } else {
      if (state === 'confirming') this.#ask(tries_left);
      // Claimed, or whatever else a later provider has between a scan and its approval.
      else this.#view.show('claimed', this.#otherwise);
      if (before === 'pending') this.#emit('qr-scanned');
    }
    this.#guard(this.#finishLogin());
  }

  // What the quiet button does while a phone holds the challenge.
  #otherwise = [, () => this.#settle({ name: 'replaced' })];

  // Asks for the digits that the phone shows. An answer that was late says of no more tries than there are.
  #ask(tries) {
    this.#tries = Math.min(this.#tries, tries ?? this.#tries);
    const asked = this.#view.ask(this.#tries, (code) => this.#guard(this.#confirm(code)), this.#otherwise);
    if (!asked) this.#view.focusDigits();
  }

  // Sends the digits (RFC 10027 §6.1.16). Resolves to true if they are wrong and there are tries left.
  async #confirm(code) {
    const tries = this.#tries;
    const url = `${this.#url}/confirm`;
    this.#typed = true;
    let sent = false;
    const send = async () => {
      // Digits whose answer was lost may have counted, and would count again: look before they are sent once more.
      if (sent) {
        const { body } = await ask(`${this.#url}?after=0`, this.#asBrowser());
        if (body.state !== 'confirming') return false;
        if (body.tries_left < tries) throw new Failure('wrong', { status: 422, tries: body.tries_left });
      }
      sent = true;
      await ask(url, { method: 'POST', ...this.#asBrowser({ 'Content-Type': 'application/json' }), body: JSON.stringify({ code }) });
    };
    try {
      await this.#persist('confirm', send);
    } catch (failure) {
      switch (failure.status) {
        case 204: // right
        case 409: // nothing to confirm any more: the watch says what there is
          return false;
        case 422:
          this.#ask(failure.tries ?? tries - 1);
          return true;
      }
      this.#gone(failure);
    }
    return false;
  }

  // Asks the site to finish the login for as long as a phone holds the challenge; one call at a time.
  async #finishLogin() {
    if (this.#finishing) return;
    this.#finishing = true;
    while (this.#state !== 'pending') {
      const asked = now();
      const { body } = await this.#persist('finish', () =>
        ask(this.#finish, {
          method: 'POST',
          mode: 'same-origin',
          credentials: 'same-origin',
          headers: { 'Content-Type': 'application/json' },
          // Which of the visitor's challenges: another tab may show one too. The id is public.
          body: JSON.stringify({ challenge_id: this.#id }),
          signal: this.#over.signal,
        }).catch((failure) => {
          // A site says that it is over with 410, as the provider does, or with 200.
          if (failure.status === 410) return { body: { status: failure.outcome ?? 'expired' } };
          throw failure;
        }),
      );
      if (this.#receiver && (typeof body.location === 'string' || body.status === 'done')) return this.#receive(body.location);
      if (typeof body.location === 'string') return this.#end({ name: 'approved', location: body.location });
      if (body.status === 'denied') return this.#end({ name: 'declined' });
      if (body.status === 'expired' || Date.now() > this.#deadline + REDEEMING) {
        // A site cannot tell what is over from what was forgotten: the provider's answer to a look does.
        const forgotten = await this.#persist('finish', () => this.#look(0)).then(() => false, (failure) => this.#forgotten(failure));
        return this.#end({ name: 'expired', forgotten });
      }
      if (body.status !== 'pending') return this.#settle({ name: 'error', code: 'bad-answer' });
      await pause(PACE - (now() - asked), this.#over.signal);
    }
    this.#finishing = false;
  }

  // Fetches what was handed off, and opens it.
  async #receive(location) {
    let content;
    try {
      const { body } = await this.#persist('finish', () => ask(`${this.#url}/handoff`, { ...this.#asBrowser(), as: 'text' }));
      content = await this.#receiver.open(body);
    } catch (failure) {
      if (this.#over.signal.aborted) throw failure;
      await this.forget();
      return this.#end({ name: 'error', code: 'handoff-unreadable', status: failure.status });
    }
    this.#end({ name: 'approved', location, content });
  }

  // What the provider says of a challenge that is no more.
  #gone(failure) {
    if (failure.status !== 410 && !this.#unknown(failure)) throw failure;
    // Redeemed: the site has its tokens, and the person needs its answer.
    if (failure.outcome === 'redeemed') this.#enter({ state: 'redeemed' });
    else this.#end({ name: failure.outcome === 'denied' ? 'declined' : 'expired', forgotten: this.#forgotten(failure) });
  }

  // Whether the provider knows no such challenge: the capability was right, and is no more.
  #unknown({ status }) {
    return status === 404 || (status === 401 && this.#seen);
  }

  // Whether the provider's store has lost it: how a challenge ended is known for longer than it would have lived.
  #forgotten(failure) {
    return this.#unknown(failure) && Date.now() < this.#deadline;
  }

  // Waits for a loop, or for the digits; what they cannot go on from ends the challenge.
  async #guard(loop) {
    try {
      return await loop;
    } catch ({ code = 'internal', status }) {
      this.#settle({ name: 'error', code, status });
    }
  }

  // The challenge has ended at the provider, too.
  #end(outcome) {
    this.#open = false;
    this.#settle({ ...outcome, missed: this.#typed });
  }

  #persist(name, request, failed) {
    return persist(request, this.#over.signal, (failing) => {
      if (failing) failed?.();
      this.#failing[name] = failing;
      // Until the phone has approved, the person waits for the phone, not for the site.
      this.#view.offline(this.#failing.watch || this.#failing.confirm || (this.#failing.finish && !this.#open));
    });
  }

  #asBrowser(headers) {
    return {
      headers: { Authorization: `Bearer ${this.#watch}`, ...headers },
      credentials: 'omit',
      redirect: 'error',
      signal: this.#over.signal,
    };
  }
}
