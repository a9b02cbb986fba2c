// What a person sees.

import { readable } from './colours.js';
import { Digits } from './digits.js';
import { dress, element, say, svg } from './dom.js';
import { outline } from './qr.js';
import css from './style.css';

const sheet = new CSSStyleSheet();
sheet.replaceSync(css);

// The sign over the code in each phase that has one, on a 24 × 24 grid.
const signs = {
  claimed: 'M5.5 12.5l4.2 4.2 8.8-9',
  approved: 'M5.5 12.5l4.2 4.2 8.8-9',
  declined: 'M7 7l10 10M17 7L7 17',
  expired: 'M18.5 12a6.5 6.5 0 1 1-2-4.7M18.7 4v4h-4',
  error: 'M12 6v7.5M12 17.6v.4',
};

// The words on the two buttons of each phase that has some: the one to press, and the quiet one.
const actions = {
  claimed: [, 'replace'],
  confirming: [, 'replace'],
  declined: ['again'],
  expired: ['renew'],
  error: ['again'],
  phone: ['continue', 'code'],
};

// The smaller word below, in each phase that has one.
const hints = { pending: 'hint', phone: 'nothing' };

export const phases = ['loading', 'pending', 'approved', ...Object.keys(actions)];

export class View {
  #root;
  #own = new CSSStyleSheet();
  #card = element('div', { class: 'card', part: 'card' });
  #ground = element('div', { class: 'ground', part: 'code' });
  #code = svg('svg', { class: 'code', role: 'img', 'shape-rendering': 'crispEdges' });
  #modules = svg('path');
  #logo = svg('image');
  #sign = svg('path');
  #digits = new Digits();
  #status = element('p', { class: 'status', part: 'status', role: 'status', 'aria-live': 'polite', tabindex: '-1' });
  #hint = element('p', { class: 'hint', part: 'hint' });
  #buttons = ['button', 'quiet'].map((part) => element('button', { type: 'button', class: part, part }));
  #words;
  #phase = 'loading';
  #word = 'loading';
  #acts = [];
  #tries;
  #offline = false;
  #text;
  #logoThere = false;

  constructor(root) {
    this.#root = root;
    this.#own.replaceSync(':host{}');
    root.adoptedStyleSheets = [sheet, this.#own];
    const words = element('div', { class: 'words', dir: 'auto' });
    const badge = svg('svg', { class: 'badge', viewBox: '0 0 24 24', 'aria-hidden': 'true' });
    this.#code.append(this.#modules, this.#logo);
    badge.append(this.#sign);
    this.#ground.append(this.#code, badge, this.#digits.form);
    words.append(this.#status, this.#hint, ...this.#buttons);
    this.#card.append(this.#ground, words);
    this.#buttons.forEach((button, n) => button.addEventListener('click', () => this.#acts[n]?.()));
    // A logo that does not come leaves the code whole.
    for (const event of ['load', 'error']) {
      this.#logo.addEventListener(event, () => {
        this.#logoThere = event === 'load';
        this.#draw();
      });
    }
    root.append(this.#card);
  }

  // Sets the words, and the language that they are in.
  speak(words) {
    this.#words = words;
    this.#card.lang = words.lang;
    this.#code.setAttribute('aria-label', words.label);
    this.#digits.speak(words);
    this.#update();
  }

  // Sets a look of the site's (a custom property without its --qr-login-); null leaves it to the page's style sheets. They win.
  dress(name, value) {
    this.#own.cssRules[0].style.setProperty(`--qr-login-${name}`, value ?? '');
    this.#tint();
  }

  // Puts a picture into the middle of the code; null for none.
  brand(address) {
    this.#logoThere = false;
    if (address) this.#logo.setAttribute('href', address);
    else this.#logo.removeAttribute('href');
    this.#draw();
  }

  // Goes to a phase; acts are what its two buttons do. The word is the phase's own, where no other is given.
  show(phase, acts = [], word = phase) {
    this.#phase = phase;
    this.#word = word;
    this.#acts = acts;
    if (phase !== 'confirming') this.#digits.close();
    this.#update();
  }

  // Asks for the digits: send(code) resolves, to true if they are wrong; tries are left. Says whether it asked already.
  ask(tries, send, acts) {
    const asking = this.#phase === 'confirming';
    this.#tries = tries;
    this.#digits.open(send);
    this.show('confirming', acts, { 2: 'wrong', 1: 'last' }[tries]);
    return asking;
  }

  // Goes to the digits, unless the person is typing elsewhere on the page.
  focusDigits() {
    if (!typing(this.#root.host)) this.#digits.focus();
  }

  // Says that the connection fails, or that it is back. What is shown stays: a frame in its time can still be scanned.
  offline(failing) {
    this.#offline = failing;
    this.#update();
  }

  // Draws a QR code.
  draw(text) {
    this.#text = text;
    this.#draw();
  }

  #draw() {
    if (!this.#text) return;
    const { side, path, room } = outline(this.#text, this.#logoThere);
    // The light ground goes half a module beyond the logo.
    const size = Math.max(0, room - 1);
    this.#code.setAttribute('viewBox', `0 0 ${side} ${side}`);
    this.#modules.setAttribute('d', path);
    dress(this.#logo, { x: (side - size) / 2, y: (side - size) / 2, width: size, height: size });
    this.#tint();
  }

  // The site's colours for the code, where a reader reads them; else black on white.
  #tint() {
    this.#ground.removeAttribute('data-plain');
    const { fill } = getComputedStyle(this.#code);
    this.#ground.toggleAttribute('data-plain', !readable(fill, getComputedStyle(this.#ground).backgroundColor));
  }

  #update() {
    const words = this.#words;
    const phase = this.#phase;
    const labels = actions[phase] ?? [];
    const focused = this.#root.activeElement;

    this.#card.dataset.phase = phase;
    this.#card.toggleAttribute('data-offline', this.#offline);
    this.#code.setAttribute('aria-hidden', String(phase !== 'pending'));
    if (signs[phase]) this.#sign.setAttribute('d', signs[phase]);
    say(this.#status, words[this.#offline ? 'offline' : this.#word].replace('{tries}', this.#tries));
    const hint = !this.#offline && hints[phase];
    this.#hint.hidden = !hint;
    if (hint) say(this.#hint, words[hint]);
    this.#buttons.forEach((button, n) => {
      button.hidden = !labels[n];
      if (labels[n]) say(button, words[labels[n]]);
    });
    // A keyboard's place in the page is not lost with what it was on.
    if (focused && !focused.getClientRects().length) this.#status.focus();
    this.#tint();
  }
}

// Whether a person has set out to type somewhere else on the page; in a frame or a component that does not show its inside, perhaps.
function typing(host) {
  let active = document.activeElement;
  while (active !== host && active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  if (!active || active === host) return false;
  return active.isContentEditable || active.matches('input, textarea, select, iframe') || (active.localName.includes('-') && !active.shadowRoot);
}
