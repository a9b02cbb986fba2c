// Every word that a person reads, in every language there is.

const words = {
  en: {
    label: 'QR code to log in',
    loading: 'Getting a code…',
    pending: 'Scan with your phone to log in',
    hint: 'Open the app that you log in with and point it at this code.',
    claimed: 'Scanned. Confirm on your phone.',
    replace: 'Not you? New code',
    approved: 'Approved. Logging you in…',
    declined: 'Declined on the phone',
    again: 'Try again',
    expired: 'This code has expired',
    renew: 'Show a new code',
    error: 'Something went wrong',
    offline: 'No connection. Trying again…',
  },
  zh: {
    label: '登录二维码',
    loading: '正在获取二维码…',
    pending: '请用手机扫码登录',
    hint: '打开登录用的应用，对准此二维码扫描。',
    claimed: '已扫描，请在手机上确认。',
    replace: '不是你？换一个二维码',
    approved: '已确认，正在登录…',
    declined: '已在手机上拒绝',
    again: '重试',
    expired: '二维码已过期',
    renew: '显示新的二维码',
    error: '出了点问题',
    offline: '无网络连接，正在重试…',
  },
};

// The language of an element: its own or the nearest lang attribute, through shadow roots; then the browser's.
export function languageOf(element) {
  for (let node = element; node; node = node.getRootNode().host) {
    const lang = node.closest('[lang]')?.lang;
    if (lang) return known(lang);
  }
  return known(navigator.language);
}

const known = (tag) => (/^zh\b/i.test(tag) ? 'zh' : 'en');

export const wordsFor = (language) => words[language];
