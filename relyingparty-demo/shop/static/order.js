// Turns the page of an unpaid order into that of a paid or an expired one, as soon as it is.
const stands = document.querySelector("[data-stands]").dataset.stands;
for (let failures = 0; ; ) {
  try {
    const answer = await fetch(`?while=${stands}`, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (!answer.ok) throw new Error(answer.status);
    if ((await answer.json()).status !== stands) break;
    failures = 0;
  } catch {
    failures++;
    if (failures > 100) throw new Error("the shop does not answer");
  }
  await new Promise((resolve) => setTimeout(resolve, Math.min(1000 * 2 ** failures, 30_000)));
}
location.reload();
