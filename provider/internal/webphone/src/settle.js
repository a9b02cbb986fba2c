// A touch must be meant for what is seen: not for what was there before, nor one of many that somebody has lured to this place.

// So long after it has come into view nobody has read it.
const SETTLE = 600; // milliseconds

/**
 * Enables a button once a person has had it in view for a moment without touching anything, and again whenever the page has come back
 * into view.
 * @param {HTMLButtonElement} button @param {AbortSignal} signal of the screen @param {() => boolean} [idle] whether it may be enabled
 * @returns {() => void} has it wait anew
 */
export function settle(button, signal, idle = () => true) {
  let timer;
  const begin = () => {
    button.disabled = true;
    clearTimeout(timer);
    if (document.visibilityState === 'visible') timer = setTimeout(() => idle() && (button.disabled = false), SETTLE);
  };
  const again = () => idle() && begin();
  const touched = () => button.disabled && again();
  document.addEventListener('visibilitychange', again, { signal });
  addEventListener('focus', again, { signal });
  for (const touch of ['pointerdown', 'touchstart']) addEventListener(touch, touched, { signal, capture: true, passive: true });
  signal.addEventListener('abort', () => clearTimeout(timer));
  requestAnimationFrame(() => requestAnimationFrame(begin)); // shown, by then
  return begin;
}
