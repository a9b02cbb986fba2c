export default {
  lang: 'zh-Hans',
  back: '返回',
  'home.title': '你的手机',
  'home.scan': '扫码',
  'home.type': '输入字母码',
};
