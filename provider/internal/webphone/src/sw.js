// Keeps the shell of the web phone for when there is no network. The page is asked for anew whenever there is one, what it loads has
// its hash in its address, and nothing else is ever answered from here: not one request to the phone's door.

const PAGE = '/phone';
const WAIT = 3_000; // for the page over a slow network, in milliseconds

self.addEventListener('install', (event) => {
  self.skipWaiting(); // a page that is open has loaded all of its own
  event.waitUntil(caches.open(VERSION).then((cache) => cache.addAll(SHELL)));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    Promise.all([
      self.clients.claim(),
      caches.keys().then((names) => Promise.all(names.filter((name) => name !== VERSION).map((name) => caches.delete(name)))),
    ]),
  );
});

self.addEventListener('fetch', (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname, search } = new URL(url);
  if (method !== 'GET' || origin !== self.location.origin) return;
  if (mode === 'navigate') pathname === PAGE && event.respondWith(page(event.request)); // whatever code it brings
  else if (SHELL.includes(pathname + search)) event.respondWith(kept(event.request));
});

async function page(request) {
  const fresh = fetch(request);
  const late = new Promise((_, reject) => setTimeout(reject, WAIT));
  try {
    return await Promise.race([fresh, late]);
  } catch {
    return (await kept(PAGE)) ?? fresh;
  }
}

const kept = async (request) => (await caches.match(request)) ?? fetch(request);
