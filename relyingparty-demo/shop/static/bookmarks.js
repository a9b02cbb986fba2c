// Imports what the phone has sent, and only then has the provider forget it.
document.querySelector("qr-login").addEventListener("qr-received", async ({ detail: { content, forget } }) => {
  const said = document.getElementById("imported");
  let answer;
  try {
    answer = await fetch("/bookmarks", { method: "POST", headers: { "Content-Type": content.type }, body: content });
  } catch {
    // Said below.
  }
  await forget();
  if (answer?.ok) {
    location.hash = "bookmarks";
    location.reload();
    return;
  }
  said.textContent = answer?.status < 500 ? said.dataset.refused : said.dataset.failed;
  said.hidden = false;
});
