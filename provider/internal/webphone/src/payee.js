// Who is paid.

const loopback = (/** @type {string} */ host) => ['localhost', '127.0.0.1', '[::1]'].includes(host);

/** The host that a payment goes to; undefined for one neither by https nor on the loopback where the provider is. @param {string} uri */
export function payee(uri) {
  const url = URL.canParse(uri) ? new URL(uri) : {};
  const local = url.protocol === 'http:' && loopback(url.hostname) && loopback(location.hostname);
  return (url.protocol === 'https:' || local) && !url.username && !url.password ? url.host : undefined;
}
