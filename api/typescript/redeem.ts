import { bearer, site } from "./client.js";

const { CODE = "", CODE_VERIFIER = "", REDIRECT_URI = "" } = process.env;

const { data: tokens, error } = await site.POST("/token", {
  body: { grant_type: "authorization_code", code: CODE, redirect_uri: REDIRECT_URI, code_verifier: CODE_VERIFIER },
});
if (!tokens) throw new Error(error.error);

const { data: person } = await site.GET("/userinfo", bearer(tokens.access_token));
console.log(JSON.stringify(person));
