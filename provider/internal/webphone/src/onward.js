// Where a person who has set this phone up goes: to what a link brought, or home.

import { take } from './landing.js';
import { become } from './router.js';

export function onward() {
  const landing = take();
  if (landing?.code) return become('consent', { code: landing.code, transaction: landing.transaction });
  return become(landing?.kind === 'type' ? 'type' : 'home');
}
