// A page with the scanner alone. What the scanner says to its owner, and what it does to the phone, is told to the test.

import { openScanner } from '../src/scan/index.js';
import { drawn, openPhoto, search } from '../src/scan/photo.js';
import { openReader } from '../src/scan/reader.js';
import { writesCode } from '../src/scan/typed.js';

window.said = [];
window.tracks = [];
const tell = (name) => (what) => said.push(what === undefined ? name : `${name} ${what}`);

const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await getUserMedia(wanted);
  tracks.push(...stream.getTracks());
  await window.held;
  return stream;
};
Object.defineProperty(navigator, 'vibrate', { value: tell('vibrate') });

window.open = () => {
  window.scanner = openScanner({
    onText: tell('text'),
    onImage: async (blob) => {
      window.blob = blob;
      const { width, height } = await createImageBitmap(blob);
      said.push(`image ${blob.type} ${width}x${height}`);
    },
    onClose: tell('close'),
    onType: tell('type'),
  });
  document.querySelector('main > div').replaceChildren(scanner);
};
window.type = () => {
  const field = document.createElement('input');
  document.querySelector('main > div').replaceChildren(field);
  writesCode(field);
  field.focus();
};

// What is read in a photo: at one look, and by all of them.
let reader;
window.read = async (path) => {
  reader ??= openReader(new AbortController().signal);
  const { read } = await reader;
  const picture = await openPhoto(await (await fetch(path)).blob());
  return { once: await read(drawn(picture, picture, 1024), false), search: await search(picture, read) };
};
