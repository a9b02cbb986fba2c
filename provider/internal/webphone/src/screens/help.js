import { h } from '../dom.js';
import { screen } from '../ui.js';
import { t } from '../words.js';

export const help = () =>
  screen({ title: t('help.title') }, [1, 2, 3, 4, 5].map((n) => [h('h2', {}, t(`help.${n}.title`)), h('p', {}, t(`help.${n}`))]));
