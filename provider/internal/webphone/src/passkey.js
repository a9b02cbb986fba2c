// WebAuthn, as the unlock before what matters, and as the way to a new phone without a message. An assertion stands beside what this
// device has signed, and its challenge is the hash of that (docs/adr/0015).

import { encode, encodeText } from './base64url.js';
import * as keys from './keys.js';
import * as provider from './provider.js';
import { deviceName } from './suggest.js';

// Less than a proof is good for, which is made before the system's dialogue comes up.
const TIMEOUT = 50_000; // milliseconds

/** Whether a passkey can be shown to this page: it has a name, and the browser knows WebAuthn and its JSON. */
export const possible = () =>
  typeof globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON === 'function' && !/^[\d.]+$|^\[/.test(location.hostname);

/** Whether this phone can make one: it has an unlock of its own. @returns {Promise<boolean>} */
export const available = async () => possible() && PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable();

/** Adds a passkey, which this device has to show from now on. @returns {Promise<void>} */
export async function register() {
  const options = await provider.passkeyOptions();
  let made;
  try {
    made = await ask('create', PublicKeyCredential.parseCreationOptionsFromJSON(options));
  } catch (problem) {
    if (problem.code !== 'passkey-known') throw problem;
    return provider.useSyncedPasskey(); // it has come here from another phone
  }
  await provider.addPasskey(made);
}

/**
 * The value of the Passkey header for a request that rests on this JWS.
 * @param {string} [id] of the passkey that this device has, so that the person need not choose
 * @returns {Promise<string>}
 */
export async function assert(jws, id) {
  const answer = await ask('get', PublicKeyCredential.parseRequestOptionsFromJSON({
    challenge: encode(await keys.hash(jws)),
    rpId: location.hostname,
    userVerification: 'required',
    timeout: TIMEOUT,
    allowCredentials: id ? [{ type: 'public-key', id }] : [],
  }));
  return encodeText(JSON.stringify(answer));
}

/** Enrols this phone with a passkey instead of a message. @returns {Promise<import('./provider.js').Account>} */
export async function recover() {
  const pair = await keys.create();
  const answer = await ask('get', PublicKeyCredential.parseRequestOptionsFromJSON(await provider.recoveryOptions(pair)));
  return provider.enrolByPasskey(pair, answer, await deviceName());
}

/** Tells the phone that a passkey is of no use any more, where it can be told. */
export const retire = (credentialId) =>
  PublicKeyCredential.signalUnknownCredential?.({ rpId: location.hostname, credentialId }).catch(() => {});

// Has the system ask the person. @returns {Promise<object>} the JSON of its answer
async function ask(what, publicKey) {
  try {
    return (await navigator.credentials[what]({ publicKey })).toJSON();
  } catch (error) {
    // The browser does not tell a person who cancelled from a passkey that is not there.
    throw new provider.Problem(error.name === 'InvalidStateError' ? 'passkey-known' : 'passkey-cancelled');
  }
}
