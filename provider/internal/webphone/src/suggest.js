// What a person may call this phone, from what the browser says of itself.

export async function deviceName() {
  const { userAgent, userAgentData } = navigator;
  try {
    const { model } = await userAgentData.getHighEntropyValues(['model']);
    if (model) return model.slice(0, 64);
  } catch {
    // Only some browsers tell.
  }
  const known = /iPhone|iPad|Android|Windows|Mac OS|CrOS|Linux/.exec(userAgent)?.[0];
  const names = { Android: 'Android', 'Mac OS': /Mobile/.test(userAgent) || navigator.maxTouchPoints > 1 ? 'iPad' : 'Mac', CrOS: 'Chromebook' };
  return names[known] ?? known ?? 'Phone';
}
