// What a consent asks to be handed off, and the person's choice of it.

import { h } from '../dom.js';
import { mediaType } from '../handoff.js';
import { size } from '../money.js';
import { field, name } from '../ui.js';
import { rich, t } from '../words.js';

/**
 * @param {object} consent @param {() => void} changed is called with each choice
 * @returns {{node: Node[], chosen: () => File|undefined}} chosen: a file that may be sent
 */
export function chooser({ handoff, handoff_limit: limit }, changed) {
  let chosen;
  const types = handoff.media_types;
  const extensions = types?.includes('text/html') ? ['.html', '.htm'] : []; // where no type is known for them
  const picked = h('p', { class: 'picked', role: 'status' });
  const choice = field(
    t('handoff.file'),
    { type: 'file', id: 'file', accept: types && [...types, ...extensions].join(), onchange: choose },
    t('handoff.sealed'),
  );

  function choose() {
    const [file] = choice.input.files;
    chosen = undefined;
    picked.replaceChildren();
    if (file) {
      const type = mediaType(file);
      picked.replaceChildren(...rich('handoff.picked', { name: name(file.name), type: name(type), size: size(file.size) }));
      if (file.size > limit) choice.complain(t('handoff.large', { most: size(limit) }));
      else if (types && !types.some((taken) => taken.toLowerCase() === type.toLowerCase())) choice.complain(t('handoff.type', { types: types.join(', ') }));
      else chosen = file;
    }
    changed();
  }

  return {
    node: [
      h('h2', {}, t('handoff.asked')),
      h('ul', { class: 'gets', id: 'asked' }, [
        h('li', {}, name(handoff.kind)),
        types && h('li', {}, rich('handoff.as', { types: name(types.join(', ')) })),
        h('li', {}, t('handoff.most', { most: size(limit) })),
      ]),
      choice.node,
      picked,
    ],
    chosen: () => chosen,
  };
}
