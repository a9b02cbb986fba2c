// Reads QR codes where the browser does not.

/** @param {ImageData} _image @returns {string|undefined} */
export const decode = (_image) => undefined;
