/* a[data-dialog] opens in a native <dialog>; what was typed stays until a POST succeeds. */

const dialogs = new Map();

function make(link, url, html) {
  const dialog = document.getElementById("dialog-frame").content.firstElementChild.cloneNode(true);
  const [title, body] = [dialog.querySelector("h2"), dialog.querySelector("[data-dialog-body]")];
  dialog.id = `dialog-${Date.now()}`;
  title.id = `${dialog.id}-title`;
  title.textContent = link.dataset.dialogTitle || link.textContent.trim();
  dialog.setAttribute("aria-labelledby", title.id);
  body.innerHTML = html;
  dialog.addEventListener("close", () => {
    if (!dialog.dataset.done) return;
    dialogs.delete(url);
    dialog.remove();
  });
  document.body.append(dialog);
  window.htmx?.process(body);
  return dialog;
}

async function open(link) {
  const url = link.getAttribute("href");
  try {
    if (!dialogs.has(url)) {
      link.setAttribute("aria-busy", "true");
      const answer = await fetch(url, { headers: { "HX-Request": "true" } });
      if (!answer.ok || answer.redirected) throw answer;
      const html = await answer.text();
      if (!dialogs.has(url)) dialogs.set(url, make(link, url, html));
    }
    dialogs.get(url).showModal();
  } catch {
    location.assign(url);
  }
  link.removeAttribute("aria-busy");
}

document.addEventListener("click", (event) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest("a[data-dialog][href]");
  const button = event.target.closest("button[command='show-modal']");
  if (link) {
    event.preventDefault();
    open(link);
  } else if (event.target.matches("dialog, dialog :is([data-dialog-close], [data-dialog-close] *)")) {
    event.preventDefault();
    event.target.closest("dialog").close();
  } else if (button && !("commandForElement" in button)) {
    document.getElementById(button.getAttribute("commandfor")).showModal();
  }
});

document.addEventListener("htmx:afterRequest", ({ detail: { elt, xhr, requestConfig } }) => {
  const dialog = elt.closest("dialog");
  const isAnswer = xhr.status < 300 && xhr.responseURL.endsWith(requestConfig.path);
  if (dialog && isAnswer && requestConfig.verb === "post") dialog.dataset.done = 1;
});

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  detail.target.closest("dialog")?.querySelector("[aria-invalid=true]")?.focus();
});

document.addEventListener("dialog:close", () => {
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
});
