import { h } from '../dom.js';
import { t } from '../words.js';

export const home = () => h('div', {}, h('h1', {}, t('home.title')), h('button', { class: 'yes' }, t('home.scan')));
