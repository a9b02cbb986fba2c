// Putting the app on the home screen.

let offer; // the browser's, until it is taken

addEventListener('beforeinstallprompt', (event) => {
  event.preventDefault(); // we say when
  offer = event;
});
addEventListener('appinstalled', () => (offer = undefined));

export const installed = () => matchMedia('(display-mode: standalone)').matches || navigator.standalone === true;

/** Whether the browser would install now, if asked. */
export const offered = () => offer !== undefined && !installed();

export async function install() {
  const asked = offer;
  offer = undefined;
  await asked?.prompt();
}

/** iOS has no offer: a person does it in the menu, and the home screen's app has a store of its own. */
export const byHand = () => !installed() && (/iPhone|iPad/.test(navigator.userAgent) || (/Mac OS/.test(navigator.userAgent) && navigator.maxTouchPoints > 1));
