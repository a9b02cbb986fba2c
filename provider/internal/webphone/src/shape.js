// What a consent may say (openapi.yaml, Consent). All of it is signed, so one that says more than there are words for is not shown.

import { payee } from './payee.js';

const leaf = null;
const place = { city: leaf, country: leaf };

const CONSENT = {
  challenge: leaf,
  client: { id: leaf, name: leaf, domains: leaf },
  browser: { address: leaf, user_agent: leaf, name: { name: leaf, system: leaf }, place },
  phone: { address: leaf, place },
  proximity: leaf,
  warnings: leaf,
  scopes: leaf,
  resources: leaf,
  binding_message: leaf,
  same_browser: leaf,
  session_offered: leaf,
  confirmation: leaf,
  claimed_at: leaf,
  order: {
    type: leaf,
    order_id: leaf,
    merchant: leaf,
    lines: { name: leaf, quantity: leaf, unit_price: leaf },
    total: leaf,
    currency: leaf,
    kiosk: { id: leaf, place: leaf },
    payment_uri: leaf,
  },
  currency_digits: leaf,
  handoff: { type: leaf, kind: leaf, media_types: leaf, jwk: { kty: leaf, crv: leaf, x: leaf, y: leaf } },
  handoff_limit: leaf,
};

/** Whether this page can show the whole of a consent. @param {object} consent */
export const known = (consent) => within(consent, CONSENT) && ordered(consent) && handedOff(consent) && !(consent.order && consent.handoff);

function within(value, shape) {
  if (Array.isArray(value)) return value.every((one) => within(one, shape));
  if (typeof value !== 'object' || value === null) return true;
  return shape !== leaf && Object.entries(value).every(([name, member]) => Object.hasOwn(shape, name) && within(member, shape[name]));
}

const text = (value) => typeof value === 'string' && value !== '';
const whole = (value, least = 0) => Number.isSafeInteger(value) && value >= least;

function ordered({ order, currency_digits: digits }) {
  if (order === undefined) return digits === undefined;
  const { type, order_id, merchant, lines, total, currency, kiosk, payment_uri } = order;
  return (
    [type, order_id, merchant].every(text) && type === 'order' && /^[A-Z]{3}$/.test(currency) && whole(digits) && digits <= 4 && whole(total, 1) &&
    Array.isArray(lines) && lines.length > 0 && lines.every((line) => text(line.name) && whole(line.quantity, 1) && whole(line.unit_price)) &&
    (kiosk === undefined || (text(kiosk.id) && text(kiosk.place))) &&
    (payment_uri === undefined || payee(payment_uri) !== undefined)
  );
}

function handedOff({ handoff, handoff_limit: limit }) {
  if (handoff === undefined) return limit === undefined;
  const { type, kind, media_types, jwk } = handoff;
  return (
    type === 'handoff' && text(kind) && whole(limit) && (media_types === undefined || (Array.isArray(media_types) && media_types.every(text))) &&
    jwk?.kty === 'EC' && jwk.crv === 'P-256' && text(jwk.x) && text(jwk.y)
  );
}
