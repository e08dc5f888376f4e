/* a[data-dialog] opens in a <dialog>; its text stays until an answer says dialog:close. */

const dialogs = new Map();

function make(link, url, html) {
  const dialog = document.getElementById("dialog-frame").content.firstElementChild.cloneNode(true);
  const [title, body] = [dialog.querySelector("h2"), dialog.querySelector("[data-dialog-body]")];
  title.textContent = link.dataset.dialogTitle || link.textContent.trim();
  title.id = `${url}-title`;
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.removeAttribute("id");
  body.innerHTML = html;
  document.body.append(dialog);
  window.htmx?.process(body);
  return dialog;
}

async function open(link) {
  const url = link.getAttribute("href");
  if (link.ariaBusy) return;
  try {
    if (!dialogs.get(url)?.isConnected) {
      link.ariaBusy = "true";
      const answer = await fetch(url, { headers: { "HX-Request": "true" } });
      if (!answer.ok || answer.redirected) throw answer;
      dialogs.set(url, make(link, url, await answer.text()));
    }
    dialogs.get(url).showModal();
  } catch {
    location.assign(url);
  }
  link.ariaBusy = null;
}

addEventListener("click", (event) => {
  const { target, metaKey, ctrlKey, shiftKey, altKey } = event;
  if (metaKey || ctrlKey || shiftKey || altKey) return;
  const link = target.closest("a[data-dialog][href]");
  if (link) {
    event.preventDefault();
    open(link);
  } else if (target.matches("dialog, dialog :is([data-dialog-close], [data-dialog-close] *)")) {
    event.preventDefault();
    target.closest("dialog").close();
  }
});

addEventListener("htmx:afterSwap", ({ detail }) => {
  detail.target.closest("dialog")?.querySelector("[aria-invalid=true]")?.focus();
});

addEventListener("dialog:close", ({ target }) => {
  const dialog = target.closest("dialog");
  dialog.close();
  setTimeout(() => dialog.remove());
});
