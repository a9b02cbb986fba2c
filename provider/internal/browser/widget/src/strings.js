// Every word that a person reads, in every language there is.

const languages = new Map([
  [
    'en',
    {
      lang: 'en',
      label: 'QR code to log in',
      loading: 'Getting a code…',
      pending: 'Scan with your phone to log in',
      forgotten: 'The earlier code was lost. Scan this new one.',
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
      'label.order': 'QR code to buy',
      'pending.order': 'Scan with your phone to buy',
      'hint.order': 'Your phone shows the order before you approve it.',
      'missed.order': 'Wrong three times. Nothing was ordered.',
      'approved.order': 'Approved. Placing your order…',
      'phone.order': 'Buy with this phone',
      'label.handoff': 'QR code to send something to this page',
      'pending.handoff': 'Scan with your phone to send it here',
      'hint.handoff': 'Your phone shows what it sends. Only this page can read it.',
      'missed.handoff': 'Wrong three times. Nothing was sent.',
      'approved.handoff': 'Approved. Receiving…',
      received: 'Received',
    },
  ],
  [
    'zh',
    {
      lang: 'zh-Hans',
      label: '登录二维码',
      loading: '正在获取二维码…',
      pending: '请用手机扫码登录',
      forgotten: '旧的二维码已丢失，请扫描新的二维码。',
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
      'label.order': '下单二维码',
      'pending.order': '请用手机扫码购买',
      'hint.order': '手机会先显示订单，再由你确认。',
      'missed.order': '三次都不对，没有下单。',
      'approved.order': '已确认，正在下单…',
      'phone.order': '用这部手机购买',
      'label.handoff': '向此页面发送内容的二维码',
      'pending.handoff': '请用手机扫码，把内容发到这里',
      'hint.handoff': '手机会显示要发送的内容。只有此页面能读取。',
      'missed.handoff': '三次都不对，没有发送任何内容。',
      'approved.handoff': '已确认，正在接收…',
      received: '已收到',
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
  const words = { ...languages.get('en'), ...lookup(tag || navigator.language) };
  const purpose = `.${element.getAttribute('purpose')}`;
  for (const key of Object.keys(words)) {
    if (key.endsWith(purpose)) words[key.slice(0, -purpose.length)] = words[key];
  }
  return words;
}

// The nearest language to a tag: fr-CA, then fr (RFC 4647 §3.4).
function lookup(tag) {
  for (let key = tag.toLowerCase(); key; key = key.slice(0, Math.max(0, key.lastIndexOf('-')))) {
    if (languages.has(key)) return languages.get(key);
  }
}
