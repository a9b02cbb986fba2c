// Trusted Types: the scripts of our own that the browser is asked to run beside this one, and no others.

const policy = globalThis.trustedTypes?.createPolicy('qrlogin', {
  createScriptURL(path) {
    if (!/^\/phone\/[a-z]+\.js$/.test(path)) throw new TypeError(path);
    return path;
  },
});

/** The address of a worker's script, as the browser wants to have it. @param {string} path */
export const trustedScript = (path) => policy?.createScriptURL(path) ?? path;
