/* Modals. A link with data-dialog opens what its address answers in a native <dialog>; the link
   itself works without this file. What was typed stays until a POST from the dialog succeeds. */

const dialogs = new Map();
let serial = 0;

function make(link) {
  const dialog = document.getElementById("dialog-frame").content.firstElementChild.cloneNode(true);
  const title = dialog.querySelector("h2");
  dialog.id = `dialog-${serial += 1}`;
  title.id = `${dialog.id}-title`;
  title.textContent = link.dataset.dialogTitle || link.textContent.trim();
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.addEventListener("close", () => {
    const opener = document.querySelector(`a[data-dialog][href="${CSS.escape(dialog.dataset.url)}"]`);
    opener?.focus();
    if (dialog.dataset.done) forget(dialog);
  });
  document.body.append(dialog);
  return dialog;
}

function forget(dialog) {
  dialogs.delete(dialog.dataset.url);
  dialog.remove();
}

async function open(link) {
  const url = link.getAttribute("href");
  if (dialogs.has(url)) return dialogs.get(url).showModal();
  link.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(url, { headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) return location.assign(url);
    const html = await answer.text();
    if (dialogs.has(url)) return undefined;
    const dialog = make(link);
    dialog.dataset.url = url;
    dialogs.set(url, dialog);
    const body = dialog.querySelector("[data-dialog-body]");
    body.innerHTML = html;
    window.htmx?.process(body);
    dialog.showModal();
    body.querySelector("[autofocus], [aria-invalid=true]")?.focus();
  } catch {
    location.assign(url);
  } finally {
    link.removeAttribute("aria-busy");
  }
  return undefined;
}

document.addEventListener("click", (event) => {
  if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (event.target.matches("dialog") || event.target.closest("[data-dialog-close]")) {
    event.target.closest("dialog")?.close();
    return;
  }
  const link = event.target.closest("a[data-dialog][href]");
  if (link) {
    event.preventDefault();
    open(link);
    return;
  }
  const button = event.target.closest("button[commandfor][command='show-modal']");
  if (button && !("commandForElement" in button)) {
    document.getElementById(button.getAttribute("commandfor"))?.showModal();
  }
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const dialog = detail.elt.closest?.("dialog");
  if (dialog && detail.successful && detail.requestConfig.verb === "post") dialog.dataset.done = "yes";
});

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  detail.target.closest?.("dialog")?.querySelector("[aria-invalid=true]")?.focus();
});

document.addEventListener("dialog:close", () => {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
});
