// Where a person who has set this phone up goes: to what a link brought, or home.

import { take, waiting } from './landing.js';
import { become } from './router.js';

/** A link that came from anywhere is followed by a touch alone: not even that there is a phone here is told without one. */
export function onward(touch) {
  if (waiting()?.code && !touch?.isTrusted) return become('landed');
  const landing = take();
  if (landing?.code) return become('consent', { code: landing.code, transaction: landing.transaction });
  return become(landing?.kind === 'type' ? 'type' : 'home');
}
