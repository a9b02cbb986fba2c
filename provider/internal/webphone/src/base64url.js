// RFC 4648 §5, without padding.

export const encode = (bytes) =>
  btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(''))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

export const encodeText = (text) => encode(new TextEncoder().encode(text));

export const decode = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt());

export const decodeText = (text) => new TextDecoder('utf-8', { fatal: true }).decode(decode(text));
