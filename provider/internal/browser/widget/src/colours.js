// Whether a reader would read a code in these colours.

// How much brighter the ground must be than the code, of all the brightness that a screen has: what the print quality of a code asks
// for its best grade (symbol contrast, ISO/IEC 15415).
const CONTRAST = 0.7;

let paint;

export const readable = (dark, light) => brightness(light) - brightness(dark) >= CONTRAST;

// The relative luminance of an opaque CSS colour, in any notation: the browser paints it. NaN for one that shows what is behind it.
function brightness(colour) {
  paint ??= dot();
  paint.clearRect(0, 0, 1, 1);
  paint.fillStyle = colour;
  paint.fillRect(0, 0, 1, 1);
  const [r, g, b, alpha] = paint.getImageData(0, 0, 1, 1).data;
  return alpha < 255 ? NaN : 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

const linear = (byte) => (byte / 255) ** 2.2;

function dot() {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  return canvas.getContext('2d', { willReadFrequently: true });
}
