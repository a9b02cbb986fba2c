// What a person sees. Built by DOM calls alone: no markup is parsed, no style attribute is set, so that the strictest content
// security policy and Trusted Types hold.

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

// The word on the button in each phase that has one.
const actions = { claimed: 'replace', declined: 'again', expired: 'renew', error: 'again' };

export class View {
  #root;
  #card = element('div', { class: 'card', part: 'card' });
  #code = svg('svg', { class: 'code', role: 'img', 'shape-rendering': 'crispEdges' });
  #modules = svg('path');
  #sign = svg('path');
  #status = element('p', { class: 'status', part: 'status', role: 'status', 'aria-live': 'polite', tabindex: '-1' });
  #hint = element('p', { class: 'hint', part: 'hint' });
  #button = element('button', { type: 'button', part: 'button' });
  #words;
  #phase = 'loading';
  #offline = false;
  #act;

  constructor(root) {
    this.#root = root;
    root.adoptedStyleSheets = [sheet];
    const ground = element('div', { class: 'ground', part: 'code' });
    const words = element('div', { class: 'words' });
    const badge = svg('svg', { class: 'badge', viewBox: '0 0 24 24', 'aria-hidden': 'true' });
    this.#code.append(this.#modules);
    badge.append(this.#sign);
    ground.append(this.#code, badge);
    words.append(this.#status, this.#hint, this.#button);
    this.#card.append(ground, words);
    this.#button.addEventListener('click', () => this.#act?.());
    root.append(this.#card);
  }

  // Sets the language and its words.
  speak(language, words) {
    this.#words = words;
    this.#card.lang = language === 'zh' ? 'zh-Hans' : language;
    this.#code.setAttribute('aria-label', words.label);
    this.#update();
  }

  // Goes to a phase; act is what its button does.
  show(phase, act) {
    this.#phase = phase;
    this.#act = act;
    this.#update();
  }

  // Says that the connection fails, or that it is back. What is shown stays: a frame in its time can still be scanned.
  offline(failing) {
    this.#offline = failing;
    this.#update();
  }

  // Draws a QR code.
  draw(text) {
    const { side, path } = outline(text);
    this.#code.setAttribute('viewBox', `0 0 ${side} ${side}`);
    this.#modules.setAttribute('d', path);
  }

  #update() {
    const words = this.#words;
    const phase = this.#phase;
    const action = actions[phase];
    const focused = this.#root.activeElement === this.#button;

    this.#card.dataset.phase = phase;
    this.#card.toggleAttribute('data-offline', this.#offline);
    this.#code.setAttribute('aria-hidden', String(phase !== 'pending'));
    if (signs[phase]) this.#sign.setAttribute('d', signs[phase]);
    say(this.#status, words[this.#offline ? 'offline' : phase]);
    say(this.#hint, words.hint);
    this.#hint.hidden = phase !== 'pending' || this.#offline;
    this.#button.hidden = !action;
    if (action) say(this.#button, words[action]);
    // A keyboard's place in the page is not lost with the button that it was on.
    if (focused && !action) this.#status.focus();
  }
}

// Sets a text only where it differs, or a screen reader would say it again.
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const element = (name, attributes) => dress(document.createElement(name), attributes);
const svg = (name, attributes) => dress(document.createElementNS('http://www.w3.org/2000/svg', name), attributes);

function dress(node, attributes = {}) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}
