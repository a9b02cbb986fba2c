// Every word that a person reads, in every language there is.

const languages = new Map([
  [
    'en',
    {
      lang: 'en',
      label: 'QR code to log in',
      loading: 'Getting a code…',
      pending: 'Scan with your phone to log in',
      hint: 'Open the app that you log in with and point it at this code.',
      claimed: 'Scanned. Confirm on your phone.',
      replace: 'Not you? New code',
      confirming: 'Type the four digits that your phone shows',
      confirm: 'Confirm',
      wrong: 'Not these digits. {tries} tries left.',
      last: 'Not these digits. One try left.',
      missed: 'Wrong three times. Nobody was logged in.',
      approved: 'Approved. Logging you in…',
      declined: 'Declined on the phone',
      again: 'Try again',
      expired: 'This code has expired',
      renew: 'Show a new code',
      error: 'Something went wrong',
      offline: 'No connection. Trying again…',
      phone: 'Log in on this phone',
      nothing: 'There is nothing to scan: you confirm on this phone and come back here.',
      continue: 'Continue on this phone',
      code: 'Show a QR code instead',
    },
  ],
  [
    'zh',
    {
      lang: 'zh-Hans',
      label: '登录二维码',
      loading: '正在获取二维码…',
      pending: '请用手机扫码登录',
      hint: '打开登录用的应用，对准此二维码扫描。',
      claimed: '已扫描，请在手机上确认。',
      replace: '不是你？换一个二维码',
      confirming: '请输入手机上显示的四位数字',
      confirm: '确认',
      wrong: '数字不对，还可以试 {tries} 次。',
      last: '数字不对，还可以试 1 次。',
      missed: '三次都不对，没有人登录。',
      approved: '已确认，正在登录…',
      declined: '已在手机上拒绝',
      again: '重试',
      expired: '二维码已过期',
      renew: '显示新的二维码',
      error: '出了点问题',
      offline: '无网络连接，正在重试…',
      phone: '在这部手机上登录',
      nothing: '无需扫码：在这部手机上确认后会回到这里。',
      continue: '在这部手机上继续',
      code: '改为显示二维码',
    },
  ],
]);

// Who speaks, and must hear of new words.
export const speakers = new Set();

// Adds a language, or other words for one that is there; what has no word is said in English. tag is a language's (RFC 5646).
export function addLanguage(tag, words) {
  const key = tag.toLowerCase();
  languages.set(key, { lang: tag, ...languages.get(key), ...words });
  for (const heard of speakers) heard();
}

// The words for an element, by its own or the nearest lang attribute, through shadow roots; then by the browser's language.
export function wordsFor(element) {
  let tag;
  for (let node = element; node && !tag; node = node.getRootNode().host) tag = node.closest('[lang]')?.lang;
  return { ...languages.get('en'), ...lookup(tag || navigator.language) };
}

// The nearest language to a tag: fr-CA, then fr (RFC 4647 §3.4).
function lookup(tag) {
  for (let key = tag.toLowerCase(); key; key = key.slice(0, Math.max(0, key.lastIndexOf('-')))) {
    if (languages.has(key)) return languages.get(key);
  }
}
