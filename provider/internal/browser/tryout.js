// The page on which a site's owner tries the widget's settings: what is chosen becomes attributes, of the preview and of the snippet.
const widget = document.querySelector('qr-login');
const page = document.querySelector('.page');
const settings = [...document.querySelectorAll('[data-attribute]')];
const snippet = document.querySelector('[data-issuer]');
const policy = document.querySelector('.policy');
const note = document.querySelector('.note');
const copy = document.querySelector('.copy button');
const { issuer } = snippet.dataset;

// What a setting has been changed to, "" where it is as it was.
function chosen(setting) {
  if (setting.type === 'checkbox') return setting.checked ? setting.value : '';
  if (setting.value === setting.defaultValue) return '';
  return setting.type === 'range' ? `${setting.value}px` : setting.value.trim();
}

// The colour, black or white, that is read better on another.
function on(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => (parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? '#000' : '#fff';
}

// Where an address on the site's page leads, as a content security policy says it.
function originOf(address) {
  const own = 'https://site.invalid';
  try {
    const { origin, protocol } = new URL(address, own);
    return origin === own ? "'self'" : origin === 'null' ? protocol : origin;
  } catch {
    return "'self'";
  }
}

const quoted = (text) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');

function show() {
  const attributes = settings.map((setting) => [setting.dataset.attribute, chosen(setting)]);
  const accent = attributes.find(([name]) => name === 'accent')[1];
  attributes.splice(1, 0, ['on-accent', accent && on(accent)]);
  for (const [name, value] of attributes) {
    if (widget.getAttribute(name) === (value || null)) continue;
    if (value) widget.setAttribute(name, value);
    else widget.removeAttribute(name);
  }
  page.dataset.scheme = widget.getAttribute('scheme') ?? '';
  widget.setAttribute('preview', document.querySelector('[name=state]:checked').value);

  const written = attributes.filter(([, value]) => value).map(([name, value]) => `\n  ${name}="${quoted(value)}"`);
  snippet.textContent =
    `<script type="module" src="${issuer}/widget.js"><\/script>\n` + // \/: this is itself in one
    `<qr-login challenge="/login/challenge" finish="/login/finish"${written.join('')}></qr-login>`;
  const logo = widget.hasAttribute('logo') ? `; img-src ${originOf(widget.getAttribute('logo'))}` : '';
  policy.textContent = `script-src ${issuer}; connect-src 'self' ${issuer}${logo}`;

  const plain = widget.shadowRoot?.querySelector('[data-plain]');
  note.textContent = plain ? note.dataset.text : '';
  for (const setting of settings) {
    const row = setting.closest('.row');
    const output = row?.querySelector('output');
    const reset = row?.querySelector('.reset');
    if (output) output.textContent = `${setting.value} px`;
    if (reset) reset.hidden = !chosen(setting);
  }
}

for (const reset of document.querySelectorAll('.reset')) {
  reset.addEventListener('click', () => {
    const setting = reset.parentElement.querySelector('[data-attribute]');
    setting.value = setting.defaultValue;
    setting.focus();
    show();
  });
}

copy.addEventListener('click', async () => {
  const said = copy.nextElementSibling;
  said.textContent = '';
  try {
    await navigator.clipboard.writeText(snippet.textContent);
    said.textContent = copy.dataset.copied;
  } catch {
    getSelection().selectAllChildren(snippet); // a browser that does not let a page copy: the person can
  }
});

// A browser may have kept what was chosen before the page was loaded again.
document.addEventListener('input', show);
await customElements.whenDefined('qr-login');
show();
