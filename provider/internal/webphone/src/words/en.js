export default {
  lang: 'en',
  back: 'Back',
  'home.title': 'Your phone',
  'home.scan': 'Scan a code',
  'home.type': 'Type a code',
};
