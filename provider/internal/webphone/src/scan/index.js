// The scanner: the camera, a photo, a typed code.

import { h } from '../dom.js';
import { t } from '../words.js';

/**
 * @param {{onText: (text: string) => void, onImage: (blob: Blob) => void, onClose: () => void, onType: () => void}} handlers
 * @returns {HTMLElement & {stop: () => void}}
 */
export function openScanner({ onClose, onType }) {
  const element = h(
    'div',
    {},
    h('button', { onclick: onType }, t('home.type')),
    h('button', { onclick: onClose }, t('back')),
  );
  return Object.assign(element, { stop() {} });
}
