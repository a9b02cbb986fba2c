// Copies a command of the login page. Without a clipboard the buttons stay hidden and the text can be selected.
for (const button of navigator.clipboard ? document.querySelectorAll(".command button") : []) {
  const label = button.textContent;
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}
