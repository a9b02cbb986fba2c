// WebAuthn, as the unlock before what matters. There is none yet: no device has a passkey.

/** Whether this browser has a platform authenticator. @returns {Promise<boolean>} */
export const available = async () => false;

/** Adds a passkey for this device. */
export async function register() {
  throw new Error('no passkeys');
}

/** The value of the Passkey header for a request that rests on this JWS. @returns {Promise<string>} */
export async function assert() {
  throw new Error('no passkeys');
}

/** Enrols this phone with a passkey instead of a message. @returns {Promise<import('./provider.js').Account>} */
export async function recover() {
  throw new Error('no passkeys');
}
