// Times and places in words.

import { t, tag } from './words.js';

const format = (options, time) => new Intl.DateTimeFormat(tag(), options).format(new Date(time));

/** A moment: of today the time of day, else the day too. */
export function moment(time) {
  const today = new Date(time).toDateString() === new Date().toDateString();
  return format(today ? { timeStyle: 'short' } : { dateStyle: 'medium', timeStyle: 'short' }, time);
}

export const day = (time) => format({ dateStyle: 'long' }, time);

/** What is left of a time in milliseconds: 4:07. */
export const left = (ms) => {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
};

/** A place: its city and its country, whichever is known. */
export function place({ city, country } = {}) {
  let land = country;
  try {
    land &&= new Intl.DisplayNames(tag(), { type: 'region' }).of(country);
  } catch {
    // Then it is its two letters.
  }
  return [city, land].filter(Boolean).join(', ');
}

/** A browser in words; undefined where there are none. */
export const browser = (named) => named && t('consent.browser', { browser: named.name, system: named.system });
