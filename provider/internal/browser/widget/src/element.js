// The element: attributes in, events out, and when the login runs.

import { Login } from './login.js';
import { speakers, wordsFor } from './strings.js';
import { phases, View } from './view.js';

// The provider is where this script comes from, so that a site names it once.
const provider = new URL('.', import.meta.url).href;

// What decides what runs. Changed, it starts anew.
const running = ['challenge', 'finish', 'issuer', 'continue', 'again', 'purpose', 'preview'];

// Attributes for what a style sheet says by --qr-login-…, for pages that cannot have one.
const looks = ['size', 'radius', 'accent', 'on-accent', 'background', 'text', 'code', 'ground'];

export class QRLogin extends HTMLElement {
  static observedAttributes = [...running, ...looks, 'logo', 'lang'];

  #view = new View(this.attachShadow({ mode: 'open' }));
  #login;
  #running = '';
  #speak = () => this.#view.speak(wordsFor(this));

  connectedCallback() {
    addEventListener('pagehide', this);
    addEventListener('pageshow', this);
    speakers.add(this.#speak);
    this.#follow();
  }

  disconnectedCallback() {
    removeEventListener('pagehide', this);
    removeEventListener('pageshow', this);
    speakers.delete(this.#speak);
    this.#follow();
  }

  attributeChangedCallback(name, _, value) {
    if (looks.includes(name)) this.#view.dress(name, value);
    else if (name === 'logo') this.#view.brand(value);
    else this.#follow();
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
    this.#speak();

    const values = running.map((name) => this.getAttribute(name));
    const [challenge, finish, issuer, onward, again, purpose, preview] = values;
    const wanted = JSON.stringify(values);
    if (wanted === this.#running) return;
    this.#stop();
    this.#running = wanted;
    if (preview !== null) return this.#preview(preview, issuer || provider);
    this.#login = new Login({
      challenge,
      finish,
      onward,
      again,
      handoff: purpose === 'handoff',
      issuer: issuer || provider,
      view: this.#view,
      emit: (name, detail, cancelable = false) =>
        this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable })),
    });
    this.#login.run();
  }

  // Shows a phase and asks nobody for anything. The code is as long as a real one; who scans it is told that it does nothing.
  #preview(phase, issuer) {
    this.#view.draw(`${issuer.replace(/\/$/, '')}/q/PREVIEWPREVIEWPREVIEWPREVI.0.PREVIEWPREVIE`);
    if (phase === 'confirming') this.#view.ask(3, async () => false);
    else this.#view.show(phases.includes(phase) ? phase : 'pending');
  }

  #stop() {
    this.#login?.stop();
    this.#login = undefined;
    this.#running = '';
  }
}
