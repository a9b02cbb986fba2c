// Requests: what is an answer, what is worth another try, and when.

import { now, pause } from './time.js';

// The longest hold of the provider and of a site is 25 s; silence past this is a dead connection.
const LIMIT = 40_000;

// Tries in a row without an answer: some ten minutes. Then a person has to ask for more.
const TRIES = 28;

// Why a request got no answer that helps. `temporary`: the same again may work; `after`: seconds to wait first, when the server says.
export class Failure extends Error {
  constructor(code, { status, problem, outcome, tries, temporary = false, after } = {}) {
    super(code);
    Object.assign(this, { code, status, problem, outcome, tries, temporary, after });
  }
}

// Sends one request and resolves to its answer, JSON or else what `as` says, and the moment at which it began to arrive.
export async function ask(url, { signal, as = 'json', ...options }) {
  let response, at, body;
  try {
    response = await fetch(url, { cache: 'no-store', ...options, signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT)]) });
    at = now();
    body = await response[as]();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SyntaxError)) throw new Failure('network', { temporary: true });
  }
  const { status } = response;
  if (!response.ok) {
    throw new Failure('refused', {
      status,
      problem: body?.code, // the provider's word for it
      outcome: body?.outcome ?? body?.status, // the provider's word, or the site's
      tries: body?.tries_left,
      temporary: status >= 500 || [408, 425, 429].includes(status),
      after: seconds(response.headers.get('Retry-After')),
    });
  }
  if (as === 'json' && (typeof body !== 'object' || !body)) throw new Failure('bad-answer', { status });
  return { body, at };
}

// Repeats a request until it is answered, further and further apart (1 s … 30 s); tells `trouble` whether it is failing.
export async function persist(request, signal, trouble) {
  for (let tries = 0; ; tries++) {
    try {
      const answer = await request();
      trouble(false);
      return answer;
    } catch (failure) {
      const again = failure.temporary && tries < TRIES;
      trouble(again);
      if (!again) throw failure;
      // A server that says when is asked no sooner; a network that comes back is tried at once.
      if (failure.after === undefined) await pause(backoff(tries), signal, 'online');
      else await pause(failure.after * 1000 + Math.random() * 250, signal);
    }
  }
}

const backoff = (tries) => 1000 * Math.min(2 ** tries, 20) * (1 + Math.random() / 2);

// Retry-After is seconds or a date (RFC 9110 §10.2.3). An hour at most: a timer of more than 24 days would fire at once.
function seconds(text) {
  if (!text) return undefined;
  const after = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return after >= 0 ? Math.min(after, 3600) : undefined;
}
