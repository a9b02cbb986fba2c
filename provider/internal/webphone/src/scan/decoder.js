// A worker that reads the QR codes in a picture, for browsers that do not read them themselves.

import { decodeQRBatch } from 'qr/decode.js';
import { cleared } from './clear.js';

addEventListener('message', async ({ data: { width, height, data, clear } }) => {
  const image = { width, height, data: clear ? cleared(width, height, data) : data };
  const [found] = await decodeQRBatch([image], { maxSize: image });
  postMessage(found.filter((text) => typeof text === 'string'));
});
