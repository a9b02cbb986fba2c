/*! The web phone of qrlogin; Apache-2.0. */
var d=e=>{};export{d as decode};
