// Two ways to a code: the scanner, and letters that are typed.

import { h } from '../dom.js';
import * as provider from '../provider.js';
import { back, become } from '../router.js';
import { openScanner } from '../scan/index.js';
import { writesCode } from '../scan/typed.js';
import { field, form, screen } from '../ui.js';
import { t } from '../words.js';

export function scan(_, signal) {
  const scanner = openScanner({
    onText: (code) => become('consent', { code }),
    onImage: (blob) => become('consent', { blob }),
    onClose: back,
    onType: () => become('type'),
  });
  signal.addEventListener('abort', () => scanner.stop());
  return h('div', { class: 'screen scanner' }, h('h1', { class: 'hidden' }, t('scan.title')), scanner);
}

export function type() {
  const letters = field(
    t('type.label'),
    { name: 'code', autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false', maxlength: 32, class: 'letters', enterkeyhint: 'go' },
  );
  writesCode(letters.input);
  function send() {
    const code = provider.ownCode(letters.input.value);
    if (!code) return letters.complain(t('type.wrong'));
    become('consent', { code });
  }
  return screen({ title: t('type.title'), lead: t('type.lead') }, form([letters.node], t('type.send'), send));
}
