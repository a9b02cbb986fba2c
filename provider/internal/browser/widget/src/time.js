// Waiting, in ways that end with a signal.

export const now = () => performance.now();

// Resolves after ms milliseconds, or at the window's event `wake`; rejects when the signal aborts.
export const pause = (ms, signal, wake) =>
  wait(signal, (done, listening) => {
    const timer = setTimeout(done, ms);
    listening.addEventListener('abort', () => clearTimeout(timer));
    if (wake) addEventListener(wake, done, { signal: listening });
  });

// Resolves when somebody can see the page.
export const visible = (signal) =>
  wait(signal, (done, listening) => {
    const look = () => document.hidden || done();
    document.addEventListener('visibilitychange', look, { signal: listening });
    look();
  });

function wait(signal, begin) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const over = new AbortController();
    signal.addEventListener('abort', () => (reject(signal.reason), over.abort()), { signal: over.signal });
    begin(() => (resolve(), over.abort()), over.signal);
  });
}
