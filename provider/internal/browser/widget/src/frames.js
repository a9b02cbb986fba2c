// The living code: shows each frame in its time, without a request.

import { now } from './time.js';

// How long the page waits for a late scan after the last frame.
const GRACE = 2000;

export class Frames {
  #frames = [];
  #timer;
  #draw;
  #spent;

  // draw(code) shows a code, draw() that there is none; spent() is called once the last frame is past.
  constructor(draw, spent) {
    this.#draw = draw;
    this.#spent = spent;
  }

  // Plays the frames of an answer that arrived at the moment `at`.
  play(frames, at) {
    this.#frames = frames.map(({ code, from_ms, until_ms }) => ({ code, from: at + from_ms, until: at + until_ms }));
    this.#turn();
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #turn() {
    this.stop();
    const t = now();
    const left = this.#frames.filter((frame) => t < frame.until);
    const shown = left.find((frame) => frame.from <= t);
    this.#draw(shown?.code);
    if (left.length === 0) {
      this.#timer = setTimeout(this.#spent, GRACE);
      return;
    }
    const next = shown ? shown.until : Math.min(...left.map((frame) => frame.from));
    this.#timer = setTimeout(() => this.#turn(), next - t);
  }
}
