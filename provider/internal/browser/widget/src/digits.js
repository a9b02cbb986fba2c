// The four digits of a confirmation: one input, that looks like four cells.

import { element, say } from './dom.js';

const LENGTH = 4;

// Where the digits begin of keyboards that write others than 0 to 9: full-width, Arabic, Persian, Devanagari.
const ZEROS = [0x30, 0xff10, 0x660, 0x6f0, 0x966];

export class Digits {
  form = element('form', { class: 'digits', novalidate: '', hidden: '' });
  #cells = element('div', { class: 'cells' });
  #input = element('input', {
    part: 'digits',
    type: 'text',
    inputmode: 'numeric',
    autocomplete: 'one-time-code',
    enterkeyhint: 'done',
    maxlength: LENGTH,
    pattern: '[0-9]{4}',
    dir: 'ltr',
  });
  #button = element('button', { part: 'button' });
  #send;

  constructor() {
    for (let n = 0; n < LENGTH; n++) this.#cells.append(element('span'));
    this.#cells.append(this.#input);
    this.form.append(this.#cells, this.#button);
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#input.addEventListener('input', (event) => event.isComposing || this.#take());
    this.#input.addEventListener('compositionend', () => this.#take());
    this.#input.addEventListener('paste', (event) => {
      event.preventDefault();
      if (this.#input.readOnly) return;
      // Whatever is around the digits does not count towards maxlength.
      const { selectionStart, selectionEnd } = this.#input;
      this.#input.setRangeText(digitsOf(event.clipboardData.getData('text')), selectionStart, selectionEnd, 'end');
      this.#take();
    });
  }

  speak({ confirming, confirm }) {
    this.#input.setAttribute('aria-label', confirming);
    say(this.#button, confirm);
  }

  // Asks for digits: send(code) resolves, to true if they are wrong.
  open(send) {
    this.#send = send;
    if (!this.form.hidden) return;
    this.form.hidden = false;
    this.#busy(false);
    this.#empty(false);
  }

  close() {
    this.form.hidden = true;
  }

  focus() {
    this.#input.focus();
  }

  #take() {
    const digits = digitsOf(this.#input.value);
    if (this.#input.value !== digits) this.#input.value = digits;
    this.#mark(false);
    if (digits.length === LENGTH) this.#submit();
  }

  async #submit() {
    const code = this.#input.value;
    if (this.#input.readOnly) return;
    if (code.length < LENGTH) return this.focus();
    this.#busy(true);
    const wrong = await this.#send(code);
    if (this.form.hidden) return;
    this.#busy(false);
    if (!wrong) return;
    this.#empty(true);
    this.focus(); // it may have been on the button
  }

  #busy(busy) {
    this.#input.readOnly = busy;
    this.form.ariaBusy = busy;
  }

  #empty(wrong) {
    this.#input.value = '';
    this.#mark(wrong);
  }

  #mark(wrong) {
    this.#input.ariaInvalid = wrong;
    // The cell that is next.
    this.#cells.dataset.at = this.#input.value.length;
  }
}

const digitsOf = (text) =>
  Array.from(text, (character) => {
    const point = character.codePointAt();
    const zero = ZEROS.find((each) => point >= each && point < each + 10);
    return zero === undefined ? '' : point - zero;
  })
    .join('')
    .slice(0, LENGTH);
