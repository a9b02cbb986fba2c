import { again } from '../router.js';
import { h } from '../dom.js';
import { language, speak, t } from '../words.js';

/** The way to the other language, in that language. */
export const languageSwitch = () =>
  h(
    'button',
    {
      class: 'link language',
      lang: language() === 'en' ? 'zh-Hans' : 'en',
      onclick() {
        speak(language() === 'en' ? 'zh' : 'en');
        again();
      },
    },
    t('language.other'),
  );
