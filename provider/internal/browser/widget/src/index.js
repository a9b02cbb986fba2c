// <qr-login>: a web component that logs a website's visitor in by a QR code and a phone. docs/widget.md says how a site uses it.

import { QRLogin } from './element.js';

export { addLanguage } from './strings.js';

// A page that loads the script twice, from two addresses say, keeps the first.
customElements.get('qr-login') ?? customElements.define('qr-login', QRLogin);
