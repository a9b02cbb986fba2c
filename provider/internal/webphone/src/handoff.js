// What this phone hands to a page: encrypted here, for a key of that page alone.

import { encode, encodeText } from './base64url.js';
import * as keys from './keys.js';

const ECDH = { name: 'ECDH', namedCurve: 'P-256' };
const ENC = 'A256GCM';
const TAG = 16; // bytes

/** The thumbprint of a page's key (RFC 7638), as it stands behind the # of the page's code. @returns {Promise<string>} */
export const thumbprint = async ({ crv, kty, x, y }) => encode(await keys.hash(JSON.stringify({ crv, kty, x, y })));

/** The media type of a file. Some systems know none for the file that their browsers export. @param {File} file */
export const mediaType = ({ name, type }) => type || (/\.html?$/i.test(name) ? 'text/html' : 'application/octet-stream');

/**
 * Encrypts for a page's key: a JWE in compact form (RFC 7516) by ECDH-ES (RFC 7518 §4.6) and A256GCM.
 * @param {JsonWebKey} jwk @param {string} type its media type @param {ArrayBuffer} plain
 * @returns {Promise<string>}
 */
export async function seal({ crv, kty, x, y }, type, plain) {
  const theirs = await crypto.subtle.importKey('jwk', { crv, kty, x, y }, ECDH, false, []);
  const { privateKey, publicKey } = await crypto.subtle.generateKey(ECDH, false, ['deriveBits']);
  const own = await crypto.subtle.exportKey('jwk', publicKey);
  const head = encodeText(JSON.stringify({ alg: 'ECDH-ES', enc: ENC, cty: type, epk: { crv: own.crv, kty: own.kty, x: own.x, y: own.y } }));
  const shared = await crypto.subtle.deriveBits({ name: 'ECDH', public: theirs }, privateKey, 256);
  const key = await crypto.subtle.importKey('raw', await derive(shared), 'AES-GCM', false, ['encrypt']);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const how = { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(head), tagLength: 8 * TAG };
  const sealed = await crypto.subtle.encrypt(how, key, plain);
  return [head, '', encode(iv), encode(sealed.slice(0, -TAG)), encode(sealed.slice(-TAG))].join('.');
}

// The Concat KDF of RFC 7518 §4.6.2: one round, which names the algorithm and nobody, for 256 bits.
const derive = async (shared) =>
  crypto.subtle.digest('SHA-256', await new Blob([number(1), shared, number(ENC.length), ENC, number(0), number(0), number(256)]).arrayBuffer());

const number = (n) => new Uint8Array([0, 0, n >> 8, n & 255]);
