// What the screens are made of.

import { h, icon } from './dom.js';
import { back, go } from './router.js';
import { t } from './words.js';

export const shapes = {
  back: 'M15 5l-7 7 7 7',
  more: 'M9 5l7 7-7 7',
  scan: 'M4 9V6a2 2 0 0 1 2-2h3M15 4h3a2 2 0 0 1 2 2v3M20 15v3a2 2 0 0 1-2 2h-3M9 20H6a2 2 0 0 1-2-2v-3M4 12h16',
  tick: 'M5 12.5l4.5 4.5L19 7.5',
  cross: 'M6 6l12 12M18 6L6 18',
  clock: 'M12 7v5l3.5 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z',
  care: 'M12 8.5v5M12 17v.01M10.6 4.3L3 17.8A1.6 1.6 0 0 0 4.4 20h15.2a1.6 1.6 0 0 0 1.4-2.2L13.4 4.3a1.6 1.6 0 0 0-2.8 0z',
};

/**
 * A screen: its heading, what it says, and at the bottom, where the thumb is, what can be done.
 * title: a text or nodes. before: what is above the heading. badge: a shape over it. leading: the way back, if not the usual one; false for none.
 */
export function screen({ title, lead, before, badge, tone, leading = true, described }, body = [], actions = []) {
  return h(
    'div',
    { class: 'screen' },
    leading === true ? h('button', { class: 'back', onclick: back }, icon(shapes.back), t('back')) : leading,
    h(
      'div',
      { class: 'body' },
      before,
      badge && h('span', { class: `badge ${tone ?? ''}` }, icon(shapes[badge])),
      h('h1', { 'aria-describedby': described }, title),
      lead && h('p', { class: 'lead' }, lead),
      body,
    ),
    actions.length > 0 && h('div', { class: 'actions' }, actions),
  );
}

/** A name of somebody else's: it turns no text around it. */
export const name = (text) => h('bdi', {}, text);

/** A button that is not pressed twice, and tells its failure where it stands. */
export function button(text, act, attributes = {}) {
  const node = h(
    'button',
    {
      type: 'button',
      ...attributes,
      async onclick(event) {
        if (node.ariaBusy === 'true') return;
        node.ariaBusy = 'true';
        try {
          await act(event);
        } catch (problem) {
          go('problem', { problem });
        } finally {
          node.ariaBusy = null;
        }
      },
    },
    text,
  );
  return node;
}

/** A few facts in a row, with dots between them. */
export const dots = (...facts) => facts.filter(Boolean).map((fact) => h('span', { class: 'fact' }, fact));

/** Rows that lead somewhere. */
export const menu = (rows) =>
  h(
    'ul',
    { class: 'menu' },
    rows.map(({ text, hint, to }) =>
      h(
        'li',
        {},
        h('button', { onclick: () => go(to) }, h('span', {}, text, hint && h('small', {}, hint)), icon(shapes.more)),
      ),
    ),
  );

let fields = 0;

/** A labelled input in its row, with a hint and a place for what is wrong with it. */
export function field(label, attributes, hint) {
  const id = attributes.id ?? `field-${++fields}`;
  const wrong = h('p', { class: 'wrong', id: `${id}-wrong`, role: 'alert' });
  const input = h('input', {
    id,
    'aria-describedby': `${hint ? `${id}-hint ` : ''}${id}-wrong`,
    oninput: () => complain(''),
    ...attributes,
  });
  const complain = (text) => {
    wrong.textContent = text;
    input.ariaInvalid = text ? 'true' : null;
    if (text) input.focus();
  };
  const node = h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label),
    input,
    hint && h('p', { class: 'hint', id: `${id}-hint` }, hint),
    wrong,
  );
  return { node, input, complain };
}

/** A form whose last row is the way on. act gets the event; what it throws goes to complain, if that takes it, else to a screen. */
export function form(rows, submit, act, complain, kind = 'yes') {
  const way = h('button', { class: kind }, submit);
  return h(
    'form',
    {
      novalidate: true,
      async onsubmit(event) {
        event.preventDefault();
        if (way.ariaBusy === 'true') return;
        way.ariaBusy = 'true';
        try {
          await act(event);
        } catch (problem) {
          if (!complain?.(problem)) go('problem', { problem });
        } finally {
          way.ariaBusy = null;
        }
      },
    },
    rows,
    h('div', { class: 'actions' }, way),
  );
}

/** Asks before something that cannot be undone. Escape, Back and Cancel say no. @returns {Promise<boolean>} */
export function ask({ title, text, yes, calm }) {
  return new Promise((resolve) => {
    const id = `ask-${++fields}`;
    const dialog = h(
      'dialog',
      {
        'aria-labelledby': id,
        onclose() {
          dialog.remove();
          resolve(dialog.returnValue === 'yes');
        },
      },
      h('h2', { id }, title),
      [text].flat().map((line) => h('p', {}, line)),
      h(
        'div',
        { class: 'pair' },
        h('button', { autofocus: true, onclick: () => dialog.close() }, t('cancel')),
        h('button', { class: calm ? 'yes' : 'danger', onclick: () => dialog.close('yes') }, yes),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** What a problem is, in words. */
export function sayProblem({ code, after }) {
  const key = `problem.${code}`;
  const text = t(key, { time: minutes(after), host: location.host });
  return text === key ? t('problem.unknown') : text;
}

const minutes = (seconds = 60) => {
  const n = Math.ceil(seconds / 60);
  return n > 1 ? t('minutes.many', { n }) : t('minutes.one');
};
