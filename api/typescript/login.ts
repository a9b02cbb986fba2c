import { setTimeout } from "node:timers/promises";
import { bearer, site } from "./client.js";

const { data: started, error: refused } = await site.POST("/device_authorization", {
  body: { scope: "openid phone", nonce: crypto.randomUUID() },
});
if (!started) throw new Error(refused.error);

// What the widget does on a page: a code is stale within half a minute, so another is shown every five seconds.
async function show(id: string, watch: string): Promise<void> {
  for (;;) {
    const { data } = await site.GET("/challenges/{id}", { params: { path: { id } }, ...bearer(watch) });
    const frame = data?.frames?.[0];
    if (!frame) return; // a phone has scanned
    console.log(frame.code); // to be drawn as a QR code
    await setTimeout(frame.until_ms, undefined, { ref: false });
  }
}
void show(started.challenge_id, started.watch);

// Each request is answered when the phone approves, or after 25 s.
async function tokens(device_code: string) {
  for (;;) {
    const { data, error } = await site.POST("/token", {
      params: { header: { Prefer: "wait=25" } },
      body: { grant_type: "urn:ietf:params:oauth:grant-type:device_code", device_code },
    });
    if (data) return data;
    if (error.error !== "authorization_pending") throw new Error(error.error);
  }
}
const { access_token } = await tokens(started.device_code);

const { data: person } = await site.GET("/userinfo", bearer(access_token));
console.log(JSON.stringify(person));
