// The scanner: the camera with a frame to hold the code in, a photo, and the way to a typed code.

import { h, icon, say } from '../dom.js';
import { t } from '../words.js';
import { hasTorch, nextPicture, openCamera, torch, within } from './camera.js';
import { drawn, forUpload, openPhoto, search } from './photo.js';
import { openReader } from './reader.js';
import css from './scan.css';

const CODE = `${location.origin}/q/`; // what all codes of this issuer begin with (RFC 10027 §6.1.5)
const PACE = 110; // milliseconds from look to look, at least
const FINDER = 640; // pixels a side that are looked through
const WHOLE = 1280;
const SAID = 2_500; // how long what was seen is told, in milliseconds

const sheet = new CSSStyleSheet();
sheet.replaceSync(css);
document.adoptedStyleSheets.push(sheet);

// Signs on a field of 24 by 24.
const signs = {
  torch: 'M8 3h8v3l-2.5 4v11h-3V10L8 6zM8 6h8',
  photo: 'M3 5h18v14H3zM3 16l5-5 4 4 3-3 6 5M15.5 8.7a.8.8 0 1 0 .1 0',
  type: 'M3 6h18v12H3zM6.5 10h.1M10.2 10h.1M13.9 10h.1M17.5 10h.1M8 14h8',
  again: 'M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4',
  close: 'M6 6l12 12M18 6L6 18',
};

/**
 * Opens the camera at once, and stops it when there is something to go on with, or by stop().
 * @param {object} handlers
 * @param {(text: string) => void} handlers.onText a code of this issuer was read
 * @param {(blob: Blob) => void} handlers.onImage a photo in which nothing can be read here: the provider looks more patiently
 * @param {() => void} handlers.onClose @param {() => void} handlers.onType the person wants to type the code
 * @returns {HTMLElement & {stop: () => void}}
 */
export function openScanner({ onText, onImage, onClose, onType }) {
  const over = new AbortController();
  const opening = openReader(over.signal);
  const read = async (canvas, clear) => (await opening).read(canvas, clear);
  let looking = new AbortController(); // by the camera that is open; none is open while the page is not seen
  let track;
  let quiet = 0; // until when what is said stays

  const video = h('video', { muted: true, playsinline: true, 'aria-hidden': 'true' });
  video.muted = true; // the attribute alone does not count for an element made by script
  const finder = h('div', { class: 'finder', 'aria-hidden': 'true' });
  const status = h('p', { role: 'status', class: 'said' }, t('scan.opening'));
  const file = h('input', { type: 'file', accept: 'image/*', hidden: true, onchange: photo });
  const button = (name, act, props) => h('button', { type: 'button', class: name, onclick: act, ...props }, icon(signs[name]), h('span', {}, t(`scan.${name}`)));
  const lamp = button('torch', light, { 'aria-pressed': 'false', hidden: true });
  const retry = button('again', look, { hidden: true });
  const element = h(
    'div',
    { class: 'scan' },
    video,
    finder,
    status,
    h(
      'div',
      { class: 'ways' },
      lamp,
      retry,
      button('photo', () => file.click()),
      button('type', leave(onType)),
      button('close', leave(onClose)),
    ),
    file,
  );

  // What was told stays to be read until its owner shows something else; Close works until then, and nothing opens the camera again.
  over.signal.addEventListener('abort', () => {
    looking.abort();
    element.dataset.state = 'without';
    lamp.hidden = retry.hidden = true;
  });
  const { signal } = over;
  document.addEventListener('visibilitychange', () => (document.hidden ? looking.abort() : look()), { signal });
  document.addEventListener('keydown', ({ key }) => key === 'Escape' && leave(onClose)(), { signal });
  video.addEventListener('lost', () => without('busy'), { signal });
  look();
  return Object.assign(element, { stop: () => over.abort() });

  function leave(way, ...what) {
    return () => {
      over.abort();
      way(...what);
    };
  }

  function tell(word, params) {
    say(status, t(`scan.${word}`, params));
  }

  // Opens the camera and looks at its pictures, until there is a code of ours in one.
  async function look() {
    looking.abort();
    looking = new AbortController();
    const { signal } = looking;
    retry.hidden = true;
    tell('opening');
    try {
      track = await openCamera(video, signal);
      if (signal.aborted) return;
      element.dataset.state = 'looking';
      lamp.hidden = !hasTorch(track);
      lamp.ariaPressed = 'false';
      tell('point');
      for (let n = 0; ; n++) {
        await nextPicture(video);
        if (signal.aborted) return;
        const began = performance.now();
        // First what is held in the finder, then everything; each as it is, and made clearer.
        const part = n % 2 ? { x: 0, y: 0, width: video.videoWidth, height: video.videoHeight } : within(video, finder);
        const found = await read(drawn(video, part, n % 2 ? WHOLE : FINDER), n % 4 > 1);
        if (signal.aborted || took(found)) return;
        if (!found.length && performance.now() > quiet) tell('point');
        // A slow phone rests as long as it works.
        const worked = performance.now() - began;
        await new Promise((resolve) => setTimeout(resolve, Math.max(worked, PACE - worked)));
      }
    } catch (error) {
      if (!signal.aborted) without(error.message in reasons ? error.message : 'unread');
    }
  }

  // Goes on with the code that was found, if it is one and ours; otherwise says what is wrong with it. Nothing of it is opened.
  function took(found) {
    const ours = found.filter((text) => text.startsWith(CODE));
    if (ours.length === 1) {
      if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(40);
      tell('found');
      leave(onText, ours[0])();
      return true;
    }
    if (found.length) {
      tell(ours.length ? 'several' : 'foreign', { host: location.host });
      quiet = performance.now() + SAID;
    }
    return false;
  }

  // Says why there is no camera, and leaves the other ways.
  function without(reason) {
    looking.abort();
    element.dataset.state = 'without';
    lamp.hidden = true;
    retry.hidden = reason === 'insecure';
    tell(reason);
  }

  async function light() {
    const on = lamp.ariaPressed !== 'true';
    try {
      await torch(track, on);
      lamp.ariaPressed = String(on);
    } catch {
      lamp.hidden = true;
    }
  }

  async function photo() {
    const [picked] = file.files;
    file.value = ''; // the same one may be picked again
    if (!picked || signal.aborted) return;
    looking.abort();
    element.dataset.state = 'without';
    lamp.hidden = true;
    retry.hidden = false;
    tell('searching');
    try {
      const picture = await openPhoto(picked);
      const found = await search(picture, read).catch(() => []); // no decoder here: the provider has one
      if (signal.aborted || took(found) || found.length) return;
      const blob = await forUpload(picture);
      if (!signal.aborted) leave(onImage, blob)();
    } catch {
      tell('damaged');
    }
  }
}

const reasons = { refused: true, none: true, busy: true, insecure: true };
