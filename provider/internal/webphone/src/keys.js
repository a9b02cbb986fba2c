// The device key, and the little that is kept beside it. The private key cannot be read, by this script or any other: it is in
// IndexedDB as a CryptoKey that is not extractable, and all that can be done with it is signing, here.

import { encode, encodeText } from './base64url.js';

/**
 * @typedef {object} Keys
 * @property {CryptoKey} privateKey not extractable
 * @property {{crv: string, kty: string, x: string, y: string}} jwk the public key, as it stands in the header of what is signed
 */

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };

const DATABASE = 'qrlogin-phone';
const STORE = 'kept';

// Thrown where this browser keeps nothing: a private window, storage that is turned off or full.
export class NoStore extends Error {}

/** What is wrong with this browser, if anything: 'insecure' (no WebCrypto outside https), 'no-store'. */
export async function trouble() {
  if (!globalThis.crypto?.subtle) return 'insecure';
  try {
    // A browser may have the database and still not keep a key in it (private windows), so one is kept and read.
    const probe = await create();
    await write('probe', probe);
    await sign(await read('probe'), 'probe', {});
    await remove('probe');
  } catch {
    return 'no-store';
  }
}

/** Makes a key pair; nothing is kept yet. @returns {Promise<Keys>} */
export async function create() {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(ALGORITHM, false, ['sign']);
  const { crv, kty, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
  return { privateKey, jwk: { crv, kty, x, y } };
}

/** The names under which something is kept: device (the Keys of the enrolled device), pending (an enrolment that has no answer yet). */
export const read = (name) => transact('readonly', (store) => store.get(name));
export const write = (name, value) => transact('readwrite', (store) => store.put(value, name));
export const remove = (name) => transact('readwrite', (store) => store.delete(name));

/**
 * Writes what to makes of what is kept (undefined: removes it), in one transaction: another tab may write, too.
 * @returns {Promise<object|undefined>} what is kept now
 */
export async function change(name, to) {
  let value;
  await transact('readwrite', (store) => {
    const request = store.get(name);
    request.onsuccess = () => {
      value = to(request.result);
      if (value === undefined) store.delete(name);
      else store.put(value, name);
    };
    return request;
  });
  return value;
}

/** Whether two are of one key. @param {Keys} [one] @param {Keys} [other] */
export const same = (one, other) => one !== undefined && one.jwk.x === other?.jwk.x;

/** Asks the browser not to throw the key away when space is short. It may say no, and may ask the person. */
export async function persist() {
  try {
    return await navigator.storage.persist();
  } catch {
    return false;
  }
}

/** Signs claims: a compact JWS (RFC 7515) by ES256 with the public key in its header. @returns {Promise<string>} */
export async function sign({ privateKey, jwk }, typ, claims) {
  const text = `${encodeText(JSON.stringify({ alg: 'ES256', typ, jwk }))}.${encodeText(JSON.stringify(claims))}`;
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, new TextEncoder().encode(text));
  return `${text}.${encode(signature)}`;
}

/** @returns {Promise<ArrayBuffer>} SHA-256 of a text */
export const hash = (text) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new NoStore(request.error?.name));
  });
}

async function transact(mode, act) {
  let database;
  try {
    database = await open();
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode, { durability: 'strict' });
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = transaction.onerror = () => reject(new NoStore(transaction.error?.name));
    });
  } catch (error) {
    throw error instanceof NoStore ? error : new NoStore(error.name);
  } finally {
    database?.close();
  }
}
