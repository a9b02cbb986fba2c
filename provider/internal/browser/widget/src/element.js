// The element: attributes in, events out, and when the login runs.

import { Login } from './login.js';
import { languageOf, wordsFor } from './strings.js';
import { View } from './view.js';

// The provider is where this script comes from, so that a site names it once.
const provider = new URL('.', import.meta.url).href;

export class QRLogin extends HTMLElement {
  static observedAttributes = ['challenge', 'finish', 'issuer', 'lang'];

  #view = new View(this.attachShadow({ mode: 'open' }));
  #login;
  #running = '';

  connectedCallback() {
    addEventListener('pagehide', this);
    addEventListener('pageshow', this);
    this.#follow();
  }

  disconnectedCallback() {
    removeEventListener('pagehide', this);
    removeEventListener('pageshow', this);
    this.#follow();
  }

  attributeChangedCallback() {
    this.#follow();
  }

  handleEvent(event) {
    // A page that is left waits for nobody: its challenge is cancelled. A page that comes back out of the back-forward cache
    // (pageshow) starts anew.
    if (event.type === 'pagehide') this.#stop();
    else this.#follow();
  }

  // Brings what runs in line with what the page says now. An element that is moved keeps its challenge.
  #follow() {
    if (!this.isConnected) return this.#stop();
    const language = languageOf(this);
    this.#view.speak(language, wordsFor(language));

    const [challenge, finish, issuer] = ['challenge', 'finish', 'issuer'].map((name) => this.getAttribute(name));
    const wanted = JSON.stringify([challenge, finish, issuer]);
    if (wanted === this.#running) return;
    this.#stop();
    this.#running = wanted;
    this.#login = new Login({
      challenge,
      finish,
      issuer: issuer || provider,
      view: this.#view,
      emit: (name, detail, cancelable = false) =>
        this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable })),
    });
    this.#login.run();
  }

  #stop() {
    this.#login?.stop();
    this.#login = undefined;
    this.#running = '';
  }
}
