// Makes a poor photograph easier to read: noise is averaged away, shades are spread, blurred edges are made steeper.

const NOISE = 1; // pixels around one that are averaged
const EDGE = 4; // pixels around one that it is compared with: more than a module's edge is blurred over
const STEEPER = 2;
const OUTLIERS = 0.02; // the share of the darkest and of the lightest pixels that may lose their differences

/** @param {number} width @param {number} height @param {Uint8ClampedArray} rgba @returns {Uint8ClampedArray} shades of grey, as RGBA that is transparent */
export function cleared(width, height, rgba) {
  const grey = new Float32Array(width * height);
  for (let i = 0; i < grey.length; i++) grey[i] = (rgba[4 * i] + 2 * rgba[4 * i + 1] + rgba[4 * i + 2]) / 4;
  const calm = spread(mean(grey, width, height, NOISE));
  const around = mean(calm, width, height, EDGE);
  const out = new Uint8ClampedArray(rgba.length);
  for (let i = 0; i < calm.length; i++) out[4 * i] = out[4 * i + 1] = out[4 * i + 2] = calm[i] + STEEPER * (calm[i] - around[i]);
  return out;
}

// Each pixel becomes the mean of the square around it: of its row, then of its column.
const mean = (grey, width, height, radius) =>
  meanOfLines(meanOfLines(grey, height, width, width, 1, radius), width, height, 1, width, radius);

function meanOfLines(grey, lines, length, line, step, radius) {
  const out = new Float32Array(grey.length);
  const at = (l, i) => grey[l * line + Math.min(length - 1, Math.max(0, i)) * step]; // or the nearest
  for (let l = 0; l < lines; l++) {
    let sum = 0;
    for (let i = -radius; i < radius; i++) sum += at(l, i);
    for (let i = 0; i < length; i++) {
      sum += at(l, i + radius);
      out[l * line + i * step] = sum / (2 * radius + 1);
      sum -= at(l, i - radius);
    }
  }
  return out;
}

// Spreads the shades over all that there are.
function spread(grey) {
  const counts = new Uint32Array(256);
  for (const shade of grey) counts[Math.round(shade)]++;
  const from = percentile(counts, grey.length);
  const to = 255 - percentile(counts.reverse(), grey.length);
  const factor = 255 / Math.max(1, to - from);
  return grey.map((shade) => Math.min(255, Math.max(0, (shade - from) * factor)));
}

function percentile(counts, all) {
  for (let shade = 0, sum = 0; ; shade++) if ((sum += counts[shade]) >= all * OUTLIERS) return shade;
}
