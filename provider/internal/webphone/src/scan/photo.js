// Pictures: of the camera or of a file, in the size to read or to send them.

const MOST_BYTES = 4 << 20; // that the provider takes (openapi.yaml, POST /phone/scans); it takes 16 megapixels
const MOST_SIDE = 3200;
const LOOKS = [1024, 2048]; // pixels a side that are looked through: a code that is small in a large photo is found by the second

/** @param {Blob} file @returns {Promise<ImageBitmap>} rejects what is no picture */
export const openPhoto = (file) => createImageBitmap(file);

const canvas = document.createElement('canvas'); // one for all: its memory is used again

/**
 * A part of a picture, no longer than so many pixels. It is good until the next.
 * @param {CanvasImageSource} picture @param {{x?: number, y?: number, width: number, height: number}} part @param {number} most
 */
export function drawn(picture, { x = 0, y = 0, width, height }, most) {
  const scale = Math.min(1, most / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.fillStyle = '#fff'; // behind what is transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, x, y, width, height, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/**
 * The texts of the codes in a photo, as soon as there are any.
 * @param {ImageBitmap} picture @param {(canvas: HTMLCanvasElement, clear: boolean) => Promise<string[]>} read
 */
export async function search(picture, read) {
  for (const side of LOOKS) {
    for (const clear of [false, true]) {
      const found = await read(drawn(picture, picture, side), clear);
      if (found.length) return found;
    }
    if (Math.max(picture.width, picture.height) <= side) break;
  }
  return [];
}

/** The photo as a JPEG that the provider takes. Drawn anew, it says nothing of where and when it was taken. @param {ImageBitmap} picture */
export async function forUpload(picture) {
  for (let side = MOST_SIDE; ; side *= 0.75) {
    drawn(picture, picture, side);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.9));
    if (blob.size <= MOST_BYTES) return blob;
  }
}
