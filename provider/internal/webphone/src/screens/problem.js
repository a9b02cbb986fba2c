import { h } from '../dom.js';

export const problem = ({ problem: { code, message } }) => h('div', {}, h('h1', {}, code ?? message));
