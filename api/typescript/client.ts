import createClient from "openapi-fetch";
import type { paths } from "./api.js"; // by openapi-typescript, from openapi.yaml

const { ISSUER = "", CLIENT_ID = "", CLIENT_SECRET = "" } = process.env;

// The provider as the site's backend speaks to it: forms, and its secret with each of them.
export const site = createClient<paths>({
  baseUrl: ISSUER,
  headers: {
    Authorization: "Basic " + btoa(encodeURIComponent(CLIENT_ID) + ":" + encodeURIComponent(CLIENT_SECRET)),
    "Content-Type": "application/x-www-form-urlencoded",
  },
  bodySerializer: (form?: Record<string, string | string[]>) =>
    new URLSearchParams(Object.entries(form ?? {}).flatMap(([name, of]) => [of].flat().map((value) => [name, value]))),
});

// Whoever bears a token or a capability instead: a request of theirs.
export const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });
