// Amounts and sizes in words.

import { tag } from './words.js';

/**
 * An amount to the unit: the digits of a whole number of minor units with the point set in, never a floating-point number.
 * @param {number|bigint} minor units of the currency @param {number} digits that are decimals @param {string} [currency] to be named, too
 */
export function amount(minor, digits, currency) {
  const text = String(minor).padStart(digits + 1, '0');
  const point = text.length - digits;
  return new Intl.NumberFormat(tag(), {
    ...(currency && { style: 'currency', currency, currencyDisplay: 'code' }), // its sign may be that of others, too
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(`${text.slice(0, point)}.${text.slice(point)}`);
}

/** A line's amount, in minor units. */
export const sum = ({ quantity, unit_price }) => BigInt(quantity) * BigInt(unit_price);

/** A number of bytes. */
export function size(bytes) {
  const [by, unit] = bytes < 1 << 10 ? [1, 'byte'] : bytes < 1 << 20 ? [1 << 10, 'kilobyte'] : [1 << 20, 'megabyte'];
  return new Intl.NumberFormat(tag(), { style: 'unit', unit, maximumFractionDigits: 1 }).format(bytes / by);
}
