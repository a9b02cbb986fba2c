// The login: one challenge after the other, until one is approved.

import { Challenge } from './challenge.js';
import { receiver } from './handoff.js';
import { ask, Failure, persist } from './http.js';
import { onPhone } from './phone.js';
import { visible } from './time.js';

// New codes in a row that nobody scans, before a person has to ask for more: with the first one, about ten minutes.
const RENEWALS = 3;

// The fragment of a page that has begun again. It outlives redirections.
const LOST = '#forgotten';

export class Login {
  #options;
  #view;
  #emit;
  #life = new AbortController();

  // challenge, finish, and perhaps onward, which continues on this device, and again, where the page begins anew when its site has lost what
  // it was for: the site's URLs; issuer: the provider's; handoff: whether the phone is to send something; view: what to show it on;
  // emit(name, detail, cancelable) sends an event and says whether it was let pass.
  constructor(options) {
    this.#options = options;
    this.#view = options.view;
    this.#emit = options.emit;
  }

  async run() {
    const { signal } = this.#life;
    try {
      // What is shown on a phone is not scanned by it: no cross-device flow on one device, unless it is asked for (RFC 10027 §6.2).
      if (this.#options.onward !== null && onPhone()) await this.#offer();
      for (let renewals = 0, lost = false, word = this.#begunAgain(); ; ) {
        this.#view.show('loading');
        // Nobody scans a tab that nobody sees.
        await visible(signal);
        const { end, scanned, challenge } = await this.#once(signal, word);
        signal.throwIfAborted(); // what is shown is another's now
        if (scanned) renewals = 0;
        word = undefined;
        switch (end.name) {
          case 'approved':
            if (end.content) await this.#deliver(end.content, challenge);
            if (end.content && end.location === undefined) return;
            if (await this.#arrive(end.location)) return;
            break;
          case 'declined':
            this.#emit('qr-declined');
            await this.#wait('declined', end.missed ? 'missed' : undefined);
            break;
          case 'expired': {
            const renewing = renewals < RENEWALS;
            this.#emit('qr-expired', { renewing });
            if (!renewing) await this.#wait('expired');
            else if (end.forgotten) word = 'forgotten';
            lost = Boolean(word);
            renewals = renewing ? renewals + 1 : 0;
            continue;
          }
          case 'error':
            // Not without a code in between: where each answer is another's who knows nothing, that would never end.
            if (lost && end.status === 401 && this.#beginAgain()) return;
            await this.#fail(end.code, end.status);
        }
        renewals = 0;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  stop() {
    this.#life.abort();
  }

  // Starts a challenge and follows it to its end. The word is said beside its code, where it is not the usual one.
  async #once(signal, word) {
    let challenge;
    try {
      const options = this.#addresses();
      const key = options.handoff ? await makeKey() : undefined;
      const { body } = await persist(
        () =>
          ask(options.challenge, {
            method: 'POST',
            mode: 'same-origin',
            credentials: 'same-origin',
            headers: { Accept: 'application/json', ...(key && { 'Content-Type': 'application/json' }) },
            body: key && JSON.stringify({ jwk: key.jwk }),
            signal,
          }),
        signal,
        (failing) => this.#view.offline(failing),
      );
      if (!body.challenge_id || !body.watch || !(body.expires_in > 0)) throw new Failure('bad-answer');
      challenge = new Challenge(body, options, { receiver: key, word });
    } catch (failure) {
      signal.throwIfAborted();
      return { end: { name: 'error', code: failure.code ?? 'internal', status: failure.status } };
    }
    return { end: await challenge.follow(signal), scanned: challenge.scanned, challenge };
  }

  // Leaves for the same page, which is to say what has happened; false where it cannot. The provider's own page is of a visit that lies where
  // its challenge does.
  #beginAgain() {
    const { again } = this.#addresses();
    if (!again) return false;
    location.replace(again + LOST);
    return true;
  }

  // The word of a page that has begun again.
  #begunAgain() {
    if (!this.#options.again || location.hash !== LOST) return undefined;
    history.replaceState(history.state, '', location.pathname + location.search); // to be said once
    return 'forgotten';
  }

  // Offers to go on without a code; resolves when the person asks for one.
  async #offer() {
    for (;;) {
      try {
        const { onward } = this.#addresses();
        return await new Promise((resolve) => this.#view.show('phone', [() => location.assign(onward), resolve]));
      } catch (failure) {
        await this.#fail(failure.code);
      }
    }
  }

  // The addresses, absolute. The site's are on the site.
  #addresses() {
    const { issuer, challenge, finish, onward, again } = this.#options;
    try {
      const site = [challenge, finish, onward ?? '', again ?? ''].map((url) => new URL(url, location.href));
      if (challenge && finish && onward !== '' && site.every(onThisSite)) {
        const [challenge, finish, onward, there] = site.map(({ href }) => href);
        return { ...this.#options, challenge, finish, onward, again: again && there, issuer: new URL(issuer).href.replace(/\/$/, '') };
      }
    } catch {
      // Not URLs.
    }
    throw new Failure('configuration');
  }

  // Gives the page what came; resolves when it says that it has it, and nobody keeps it any more.
  #deliver(content, challenge) {
    this.#view.show('approved', [], 'received');
    return new Promise((resolve) => {
      const forget = async () => {
        await challenge.forget();
        resolve();
      };
      this.#emit('qr-received', { content, forget });
    });
  }

  // The login is done. The page may say, by preventDefault, that it goes on by itself; true unless the site sent an address that
  // is not its own.
  async #arrive(address) {
    this.#view.show('approved');
    let url;
    try {
      url = new URL(address, location.href);
    } catch {
      // Refused below.
    }
    if (!url || !onThisSite(url)) {
      await this.#fail('location-refused');
      return false;
    }
    if (this.#emit('qr-approved', { location: url.href }, true)) location.assign(url);
    return true;
  }

  async #fail(code, status) {
    this.#emit('qr-error', { code, status });
    await this.#wait('error');
  }

  // Shows a phase until its button is pressed.
  #wait(phase, word) {
    return new Promise((resolve) => this.#view.show(phase, [resolve], word));
  }
}

// A page that is not of a secure origin has no keys.
async function makeKey() {
  if (!globalThis.crypto?.subtle) throw new Failure('insecure');
  return receiver();
}

// Not origin alone: a blob: URL has its maker's.
const onThisSite = (url) => url.origin === location.origin && url.protocol === location.protocol;
