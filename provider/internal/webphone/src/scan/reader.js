// Reads the QR codes in a picture: by the browser's own BarcodeDetector, or by decoder.js in a worker, loaded when it is needed.

import { trustedScript } from '../trusted.js';

/** Opens a reader; the signal closes it. @param {AbortSignal} signal */
export async function openReader(signal) {
  let detector = await ownDetector();
  let worker = detector ? undefined : startWorker(); // while the camera opens
  return {
    /**
     * @param {HTMLCanvasElement} canvas
     * @param {boolean} [clear] to take away noise and blur before
     * @returns {Promise<string[]>} the texts, one of each
     */
    async read(canvas, clear) {
      if (detector) {
        try {
          return texts((await detector.detect(canvas)).map((code) => code.rawValue));
        } catch {
          detector = undefined; // it said it could, and cannot
        }
      }
      worker ??= startWorker();
      return texts(await worker(canvas, clear));
    },
  };

  // A function that has a new worker read a picture; of several, one after the other. One that fails is replaced at the next.
  function startWorker() {
    const script = new Worker(trustedScript('/phone/decoder.js'), { type: 'module' });
    const waiting = [];
    script.addEventListener('message', ({ data }) => waiting.shift().resolve(data));
    script.addEventListener('error', () => {
      script.terminate();
      worker = undefined;
      for (const { reject } of waiting) reject(new Error('the decoder failed'));
    });
    signal.addEventListener('abort', () => script.terminate(), { once: true });
    return (canvas, clear) =>
      new Promise((resolve, reject) => {
        const { width, height, data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        waiting.push({ resolve, reject });
        script.postMessage({ width, height, data, clear }, [data.buffer]);
      });
  }
}

const texts = (found) => [...new Set(found)];

async function ownDetector() {
  const known = await globalThis.BarcodeDetector?.getSupportedFormats().catch(() => []);
  if (known?.includes('qr_code')) return new BarcodeDetector({ formats: ['qr_code'] });
}
