// What a phone hands to this page: encrypted for a key that is made here, cannot be read by any script, and goes with the page.

const ECDH = { name: 'ECDH', namedCurve: 'P-256' };

/** Makes the key: its public part, the thumbprint of that (RFC 7638), and what opens what was encrypted for it. */
export async function receiver() {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(ECDH, false, ['deriveBits']);
  const { crv, kty, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
  const jwk = { crv, kty, x, y }; // in the order that a thumbprint is made of
  return { jwk, thumbprint: encode(await digest(utf8(JSON.stringify(jwk)))), open: (jwe) => open(privateKey, jwe) };
}

// Decrypts a JWE in compact form (RFC 7516 §5.2), by ECDH-ES (RFC 7518 §4.6) and A256GCM, to a Blob of the type that it says it has.
async function open(privateKey, jwe) {
  const [head, none, iv, ciphertext, tag, more] = jwe.trim().split('.');
  const { alg, enc, epk, cty, apu, apv, crit } = JSON.parse(new TextDecoder().decode(decode(head)));
  if (alg !== 'ECDH-ES' || enc !== 'A256GCM' || none || apu || apv || crit || more !== undefined) throw new Error('not such a JWE');
  const { crv, kty, x, y } = epk;
  const theirs = await crypto.subtle.importKey('jwk', { crv, kty, x, y }, ECDH, false, []);
  const shared = await crypto.subtle.deriveBits({ name: 'ECDH', public: theirs }, privateKey, 256);
  const key = await crypto.subtle.importKey('raw', await derive(shared, enc), 'AES-GCM', false, ['decrypt']);
  const sealed = new Blob([decode(ciphertext), decode(tag)]);
  const how = { name: 'AES-GCM', iv: decode(iv), additionalData: utf8(head) };
  return new Blob([await crypto.subtle.decrypt(how, key, await sealed.arrayBuffer())], { type: cty });
}

// The Concat KDF of RFC 7518 §4.6.2, one round, for 256 bits and no party's name.
const derive = (shared, enc) => digest(concat(number(1), shared, number(enc.length), utf8(enc), number(0), number(0), number(256)));

const number = (n) => new Uint8Array([0, 0, n >> 8, n & 255]);
const utf8 = (text) => new TextEncoder().encode(text);
const digest = (bytes) => crypto.subtle.digest('SHA-256', bytes);

function concat(...parts) {
  const bytes = parts.map((part) => new Uint8Array(part));
  return new Uint8Array(bytes.flatMap((part) => [...part]));
}

const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
