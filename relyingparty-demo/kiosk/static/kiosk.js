// Shows each stage of the sale as it comes: the machine's terminal, another page or a phone may have brought it.
const screen = () => document.querySelector("#screen");

async function ask(url) {
  const answer = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(40_000) });
  if (!answer.ok) throw new Error(answer.status);
  return answer;
}

for (let failures = 0; ; ) {
  try {
    const { path, version } = screen().dataset;
    const told = await (await ask(`${path}/stage?after=${version}`)).json();
    if (String(told.version) !== version) {
      const next = new DOMParser().parseFromString(await (await ask(path)).text(), "text/html");
      screen().replaceWith(next.querySelector("#screen"));
      screen().focus(); // and a screen reader reads what there is now
    }
    failures = 0;
  } catch {
    failures++; // a machine that is switched on again goes on by itself
  }
  await new Promise((resolve) => setTimeout(resolve, Math.min(200 * 2 ** failures, 10_000)));
}
