// Requests to the phone's door (openapi.yaml), each with a proof by the device key, and the decisions. The provider is who served
// this page.

import { decodeText, encode } from './base64url.js';
import { mediaType, seal, thumbprint } from './handoff.js';
import * as keys from './keys.js';
import * as passkey from './passkey.js';
import { known } from './shape.js';

const ISSUER = location.origin;
const TIMEOUT = 20_000; // of one request, in milliseconds
const TRIES = 3; // of one whose connection drops
const CODE = `${ISSUER}/q/`;

/** A refusal of the provider (RFC 9457), or of the network: code 'offline'. */
export class Problem extends Error {
  constructor(code, { status, after } = {}) {
    super(code);
    /** @type {string} */ this.code = code;
    /** @type {number|undefined} */ this.status = status;
    /** @type {number|undefined} seconds */ this.after = after;
  }
}

/** @type {import('./keys.js').Keys|undefined} */
let device;
let nonce = '';
let ahead = 0; // of the provider's clock before ours, in milliseconds
let guarded = false; // this device has a passkey: what matters is asked for with it
let passkeyID; // which one, where it was made or used here

/**
 * Loads the device key, also one that another tab has made, or whose enrolment worked and the answer was lost.
 * @returns {Promise<boolean>} whether there is one
 */
export async function enrolled() {
  if (!(await made())) await recall();
  return device !== undefined;
}

async function made() {
  if (!device) load(await keys.read('device'));
  return device !== undefined;
}

function load({ keys: pair, passkey } = {}) {
  device = pair;
  guard(passkey);
}

function guard(id) {
  passkeyID = id;
  guarded = id !== undefined;
}

// Asks about the enrolment whose answer did not come.
async function recall() {
  const pending = await keys.read('pending');
  if (!pending?.sent) return;
  try {
    await request('GET', '/phone/account', { pair: pending.keys });
  } catch (problem) {
    if (problem.code === 'device-unknown') return;
    throw problem;
  }
  await become(pending);
}

// Makes a key this device's, unless another tab has made one: the provider knows that one, and it is nowhere else.
async function become({ keys: pair, passkey }) {
  load(await keys.change('device', (kept) => kept ?? { keys: pair, passkey }));
  await keys.remove('pending');
}

// Keeps something else of a device, or nothing, unless another tab has made another one meanwhile.
const alter = (pair, value) => keys.change('device', (kept) => (keys.same(pair, kept?.keys) ? value : kept));

/** Forgets the device key: the provider does not know it any more. */
export async function forget() {
  await alter(device, undefined);
  load();
}

/** Seconds since 1970 by the provider's clock, as far as it is known. */
const now = () => Math.floor((Date.now() + ahead) / 1000);

/** A DPoP proof for one request (RFC 9449 §4.2). There is no access token: the key is the identity. */
function prove(pair, method, path) {
  const claims = { jti: encode(crypto.getRandomValues(new Uint8Array(16))), htm: method, htu: ISSUER + path, iat: now() };
  if (nonce) claims.nonce = nonce;
  return keys.sign(pair, 'dpop+jwt', claims);
}

/**
 * Sends a request and resolves to its JSON answer, undefined where there is none.
 * json, blob: the body. pair: the key to sign with, if not the device's. once: never again where the connection drops.
 * weighty: of those that need the passkey of a device that has one; its assertion is over the proof, or over signed (a decision).
 * shown: needs a passkey whether the device has one or not.
 */
export async function request(method, path, options = {}) {
  let lost = false;
  for (let tries = 1; ; tries++) {
    try {
      return await send(method, path, { ...options, assert: options.shown || (options.weighty && guarded) });
    } catch (problem) {
      lost ||= problem.code === 'offline' || problem.status >= 500;
      if (problem.code === 'passkey-required' && options.weighty && !guarded) guarded = true; // set up in another tab: again, with it
      else if (problem.code !== 'offline' || options.once || tries >= TRIES || !navigator.onLine) {
        problem.lost = lost;
        throw problem;
      }
      await new Promise((resolve) => setTimeout(resolve, tries * 300));
    }
  }
}

async function send(method, path, { json, blob, pair = device, signed, assert, again }) {
  const headers = {};
  if (json) headers['Content-Type'] = 'application/json';
  if (blob) headers['Content-Type'] = blob.type;
  const jws = signed ?? (await prove(pair, method, path));
  if (!signed) headers.DPoP = jws;
  if (assert) headers.Passkey = await passkey.assert(jws, passkeyID);
  let response, body;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: blob ?? (json && JSON.stringify(json)),
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'error', // a proof is good for one URL
      signal: AbortSignal.timeout(blob ? 6 * TIMEOUT : TIMEOUT),
    });
    body = response.status === 204 ? undefined : await response.json();
  } catch (error) {
    if (!response || !(error instanceof SyntaxError)) throw new Problem('offline');
  }
  heed(response);
  if (response.ok) return body;
  // RFC 9449 §8: once more, with the nonce that the provider wants to see.
  if (body?.code === 'proof-nonce' && !again) return send(method, path, { json, blob, pair, assert, again: true });
  const after = Number(response.headers.get('Retry-After'));
  throw new Problem(body?.code ?? (response.status >= 500 ? 'unavailable' : 'unknown'), { status: response.status, after: after || undefined });
}

// Learns from the headers of an answer: the newest nonce, and what time it is there.
function heed({ headers }) {
  nonce = headers.get('DPoP-Nonce') ?? nonce;
  const date = Date.parse(headers.get('Date'));
  // A second or two are the way here; a clock that is right is left alone.
  if (date) ahead = Math.abs(date - Date.now()) < 5_000 ? 0 : date - Date.now();
}

// Enrolment

// One tab at a time, each after a look at what the others have come to.
const alone = (act) => navigator.locks.request('qrlogin-enrolment', act);

/** Has a code sent, unless there is a device by now. @returns {Promise<void>} */
export const startEnrollment = (phone_number, device_name) =>
  alone(async () => {
    if (await enrolled()) return;
    const pair = await keys.create();
    const json = { phone_number, device_name };
    // Each sends a message.
    const { enrollment_id: id, expires_in } = await request('POST', '/phone/enrollments', { json, pair, once: true });
    await keys.write('pending', { keys: pair, id, number: phone_number, until: Date.now() + expires_in * 1000 });
  });

/** Gives an enrolment up, unless there is a device by now, or another tab has begun another one. */
export const abandon = (pending) =>
  alone(async () => {
    if (!(await enrolled())) await keys.change('pending', (kept) => (keys.same(pending.keys, kept?.keys) ? undefined : kept));
  });

// Sends what enrols a key, which counts once. The key is kept first: the answer may be lost, and the key must not be.
async function enrol(pending, path, json) {
  await keys.write('pending', { ...pending, sent: true });
  let answer;
  try {
    answer = await request('POST', path, { json, pair: pending.keys, once: true });
  } catch (problem) {
    // A code that is wrong now may have been right the time before.
    if (await enrolled().catch(() => false)) return account();
    throw problem;
  }
  await become(pending);
  return answer;
}

/** Enrols a key by the code that was sent. @param {object} pending as kept @returns {Promise<Account>} of the device that there is now */
export const confirmEnrollment = (pending, code) =>
  alone(async () => {
    if (await made()) return account();
    if (!keys.same(pending.keys, (await keys.read('pending'))?.keys)) throw new Problem('enrollment-replaced');
    return enrol(pending, `/phone/enrollments/${pending.id}/confirm`, { code });
  });

/** Enrols a key by a passkey. @returns {Promise<Account>} of the device that there is now */
export const enrolByPasskey = (pair, credential, device_name) =>
  alone(async () => {
    if (await enrolled()) return account();
    return enrol({ keys: pair, passkey: credential.id }, '/phone/enrollments/passkey', { credential, device_name });
  });

export const recoveryOptions = (pair) => request('POST', '/phone/enrollments/passkey/options', { pair });

// Codes

/** What a decision is about: the consent as the provider sent it, and what it says.
 * @typedef {{challenge: string, text: string, consent: object, until: number, unheard?: 'approve'|'deny'}} Claim
 * until: of performance.now(). unheard: the decision that was sent without an answer */

/** The text to send for a code that was scanned or typed; undefined where it is none of this provider's (RFC 10027 §6.1.5). */
export function ownCode(text) {
  const letters = text.toUpperCase().replace(/[\s-]/g, '');
  if (/^[BCDFGHJKLMNPQRSTVWXZ]{8}$/.test(letters)) return `${letters.slice(0, 4)}-${letters.slice(4)}`;
  const code = text.trim();
  return code.startsWith(CODE) && code.length <= 512 ? code : undefined;
}

/** What stands behind a code's # is kept here: the provider must not know what its key for a handoff is held against. @returns {Promise<Claim>} */
export async function scan(text) {
  const [code, fragment] = ownCode(text)?.split('#') ?? [];
  if (!code) throw new Problem('foreign-code');
  return claim(await request('POST', '/phone/scans', { json: { code } }), code, fragment);
}

/** Has the provider read a picture. @returns {Promise<Claim>} */
export const scanImage = async (blob) => claim(await request('POST', '/phone/scans', { blob }), '');

async function claim({ challenge_id: challenge, consent: text, expires_in }, code, fragment) {
  try {
    const consent = JSON.parse(decodeText(text));
    const named = code.startsWith(CODE) ? code.slice(CODE.length).split('.')[0] : challenge;
    if (consent.challenge !== challenge || named !== challenge) throw new Error('about another challenge');
    if (!known(consent)) throw new Problem('consent-unknown');
    if (consent.handoff) await compare(consent.handoff.jwk, fragment);
    return { challenge, text, consent, until: performance.now() + expires_in * 1000 };
  } catch (problem) {
    // Nobody can decide on what cannot be shown; let the code be scanned by a phone that can.
    release(challenge).catch(() => {});
    throw problem instanceof Problem ? problem : new Problem('unknown');
  }
}

// A provider, or whoever has broken into it, could put a key of its own in place of the page's, and read all that is handed off.
async function compare(jwk, fragment) {
  if (!fragment) throw new Problem('handoff-needs-scan');
  if (fragment !== (await thumbprint(jwk))) throw new Problem('handoff-key');
}

/** Gives a claim back without a decision. */
export const release = (challenge) => request('DELETE', `/phone/scans/${challenge}`);

/** Makes a function that gives a claim back at once, without waiting for a signature: for when the page is going away. */
export async function releaser(challenge) {
  const path = `/phone/scans/${challenge}`;
  const DPoP = await prove(device, 'DELETE', path);
  return () => fetch(path, { method: 'DELETE', headers: { DPoP }, keepalive: true }).catch(() => {});
}

/** Encrypts a file for the page that shows the code, and sends it ahead of the approval. @returns {Promise<string>} what that calls it */
export async function handOff({ challenge, consent: { handoff } }, file) {
  const content = await file.arrayBuffer().catch(() => {
    throw new Problem('file-unreadable');
  });
  const jwe = await seal(handoff.jwk, mediaType(file), content);
  await request('PUT', `/phone/scans/${challenge}/handoff`, { blob: new Blob([jwe], { type: 'application/jose' }) });
  return encode(await keys.hash(jwe));
}

/**
 * Signs and sends a decision over the very text that the scan returned (ADR 0004).
 * @param {Claim} claim @param {'approve'|'deny'} decision
 * @param {{session?: boolean, handoff?: string}} [beside] session: "this is my computer"; handoff: what handOff returned
 * @returns {Promise<{state: string, confirmation_code?: string}>} state: also 'unheard', of an approval that was sent and may have counted
 */
export async function decide(claim, decision, beside = {}) {
  const { challenge, text } = claim;
  const claims = { aud: ISSUER, challenge, decision, iat: now(), consent: text, ...beside };
  const signed = await keys.sign(device, 'qrlogin-decision+jwt', claims);
  try {
    return await request('POST', '/phone/decisions', { json: { decision: signed }, signed, weighty: decision === 'approve' });
  } catch (problem) {
    if (problem.lost && claim.unheard !== 'approve') claim.unheard = decision;
    // Another try finds what came of the one before: a login that is over, or at another phone, or gone as a denied one is at once.
    if (claim.unheard === 'approve' && [404, 409, 410].includes(problem.status)) return { state: 'unheard' };
    if (claim.unheard === 'deny' && problem.status === 410) return { state: 'denied' };
    throw problem;
  }
}

// The account

/** @typedef {{issuer: string, phone_number: string, created_at: string, device: object, passkeys_allowed?: boolean}} Account */

/** @returns {Promise<Account>} */
export async function account() {
  const pair = device;
  const answer = await request('GET', '/phone/account', { pair });
  if (pair !== device) return answer; // forgotten meanwhile
  if (answer.device.passkey !== true && passkeyID) await alter(pair, { keys: pair }); // removed by another phone
  guard(answer.device.passkey === true ? passkeyID : undefined);
  guarded = answer.device.passkey === true;
  return answer;
}

export const devices = async () => (await request('GET', '/phone/devices')).devices;
export const allowDevice = (id) => request('POST', `/phone/devices/${id}/allow`, { weighty: true });
/** Removes a device of the account, refuses one that waits. */
export const removeDevice = (id, own) => request('DELETE', `/phone/devices/${id}`, { weighty: !own });

export const logins = async () => (await request('GET', '/phone/logins')).logins;
export const endLogin = (id) => request('DELETE', `/phone/logins/${id}`);
export const endAllLogins = () => request('DELETE', '/phone/logins');
/** "This wasn't me" (RFC 10027 §6.1.6). */
export const disownLogin = (id) => request('POST', `/phone/logins/${id}/disown`);

export const events = async () => (await request('GET', '/phone/events')).events;
export const exportAccount = () => request('GET', '/phone/account/export');
export const deleteAccount = () => request('DELETE', '/phone/account', { weighty: true });

// Passkeys, whose options and answers are the JSON forms of WebAuthn

/** @returns {Promise<{id: string, name: string, created_at: string, current: boolean}[]>} */
export const passkeys = async () => (await request('GET', '/phone/passkeys')).passkeys;
export const passkeyOptions = () => request('POST', '/phone/passkeys/options');

/** Registers a passkey, which this device has to show from now on. */
export async function addPasskey(credential) {
  try {
    await request('POST', '/phone/passkeys', { json: { credential }, weighty: true, once: true }); // its challenge counts once
  } catch (problem) {
    if (problem.code !== 'offline' || !(await account()).device.passkey) throw problem;
  }
  await keep(credential.id);
}

/** Has this device show a passkey that has been synced to it. */
export const useSyncedPasskey = async () => keep((await request('PUT', '/phone/passkeys/current', { shown: true })).id);

/** Removes a passkey, and has the phone forget it. */
export async function removePasskey(id) {
  await request('DELETE', `/phone/passkeys/${id}`, { weighty: true });
  passkey.retire(id);
  await account();
}

async function keep(id) {
  await alter(device, { keys: device, passkey: id });
  guard(id);
}
