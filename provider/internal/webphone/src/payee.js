// Who is paid.

/** The host that a payment goes to; undefined for an address that is neither https nor on the loopback. @param {string} uri */
export function payee(uri) {
  const url = URL.canParse(uri) ? new URL(uri) : {};
  const local = url.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  return (url.protocol === 'https:' || local) && !url.username && !url.password ? url.host : undefined;
}
