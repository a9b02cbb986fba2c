// The code that is typed: eight letters, which a field shows as WDJB-MJHT.

const OTHERS = /[^BCDFGHJKLMNPQRSTVWXZ]/g; // than the consonants of which codes are made (RFC 8628 §6.1)

const letters = (text) => text.normalize('NFKC').toUpperCase().replace(OTHERS, '').slice(0, 8);
const spaced = (code) => (code.length > 4 ? `${code.slice(0, 4)}-${code.slice(4)}` : code);

/** Has a field write what is typed into it as a code. @param {HTMLInputElement} field */
export function writesCode(field) {
  field.addEventListener('input', ({ isComposing }) => isComposing || tidy());
  field.addEventListener('compositionend', tidy);

  // The cursor stays behind the same letter.
  function tidy() {
    const before = letters(field.value.slice(0, field.selectionStart)).length;
    const text = spaced(letters(field.value));
    if (field.value === text) return;
    field.value = text;
    const at = before + Number(before > 4);
    field.setSelectionRange(at, at);
  }
}
