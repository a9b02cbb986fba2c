// RFC 4648 §5, without padding.

const PART = 24_576; // bytes that become one string's characters at once; of three each, so that no part but the last is padded

export function encode(buffer) {
  const bytes = new Uint8Array(buffer);
  const parts = [];
  for (let at = 0; at < bytes.length; at += PART) parts.push(btoa(String.fromCharCode(...bytes.subarray(at, at + PART))));
  return parts.join('').replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

export const encodeText = (text) => encode(new TextEncoder().encode(text));

export const decode = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt());

export const decodeText = (text) => new TextDecoder('utf-8', { fatal: true }).decode(decode(text));
