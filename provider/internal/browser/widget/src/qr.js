// From a text to the outline of its QR code.

import { correction, generate } from 'lean-qr';

// ISO/IEC 18004: four light modules on every side.
const QUIET = 4;

// Returns the side length in modules, quiet zone included, the dark modules as one SVG path, and, for a code with room for a logo in
// its middle, the side length of that: a fifth of the code, which level H makes up for many times over.
export function outline(text, logo) {
  const code = generate(text, { minCorrectionLevel: logo ? correction.H : correction.M });
  // Odd, as every code is: the room lies on whole modules.
  const room = logo ? (Math.floor(code.size / 4.5) - 1) | 1 : 0;
  const inRoom = (at) => Math.abs(at + 0.5 - code.size / 2) < room / 2;
  const dark = (x, y) => code.get(x, y) && !(inRoom(x) && inRoom(y));
  let path = '';
  for (let y = 0; y < code.size; y++) {
    for (let x = 0, from; x < code.size; x++) {
      if (!dark(x, y)) continue;
      for (from = x; dark(x, y); ) x++;
      path += `M${from + QUIET} ${y + QUIET}h${x - from}v1h${from - x}z`;
    }
  }
  return { side: code.size + 2 * QUIET, path, room };
}
