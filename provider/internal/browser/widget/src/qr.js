// From a text to the outline of its QR code.

import { correction, generate } from 'lean-qr';

// ISO/IEC 18004: four light modules on every side.
const QUIET = 4;

// Returns the side length in modules, quiet zone included, and the dark modules as one SVG path.
export function outline(text) {
  const code = generate(text, { minCorrectionLevel: correction.M });
  let path = '';
  for (let y = 0; y < code.size; y++) {
    for (let x = 0, from; x < code.size; x++) {
      if (!code.get(x, y)) continue;
      for (from = x; code.get(x, y); ) x++;
      path += `M${from + QUIET} ${y + QUIET}h${x - from}v1h${from - x}z`;
    }
  }
  return { side: code.size + 2 * QUIET, path };
}
