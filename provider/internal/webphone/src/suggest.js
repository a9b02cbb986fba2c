// What a person may call this phone, from what the browser says of itself.

import { t } from './words.js';

export async function deviceName() {
  const { userAgent, userAgentData } = navigator;
  try {
    const { model } = await userAgentData.getHighEntropyValues(['model']);
    if (model) return model.slice(0, 64);
  } catch {
    // Only some browsers tell.
  }
  const names = { iPhone: 'iPhone', iPad: 'iPad', Android: 'Android', Windows: 'Windows', CrOS: 'Chromebook', 'Mac OS': navigator.maxTouchPoints > 1 ? 'iPad' : 'Mac', Linux: 'Linux' };
  return Object.entries(names).find(([word]) => userAgent.includes(word))?.[1] ?? t('name');
}
