/* a[data-dialog] opens in the <dialog>, read anew; its text stays until dialog:close. */

const dialog = document.getElementById("dialog");
let shown = "";
let sentAt = 0;

function fill(html, isKept) {
  const body = dialog.querySelector("[data-dialog-body]");
  const typed = new FormData((isKept && body.querySelector("form")) || undefined);
  body.innerHTML = html;
  const fields = body.querySelector("form")?.elements;
  for (const [name, value] of typed) {
    if (fields?.[name]) fields[name].value = value;
  }
  htmx.process(body);
}

async function open(link) {
  const url = link.getAttribute("href");
  if (link.ariaBusy) return;
  link.ariaBusy = "true";
  try {
    const answer = await fetch(url, { headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) throw answer;
    fill(await answer.text(), url === shown);
    dialog.querySelector("h2").textContent = link.dataset.dialogTitle || link.textContent.trim();
    shown = url;
  } catch {
    if (url !== shown) location.assign(url);
  }
  if (url === shown) dialog.showModal();
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
  detail.target.querySelector("[aria-invalid=true]")?.focus();
});

addEventListener("dialog:close", () => {
  dialog.close();
  shown = "";
  sentAt = Date.now();
});

/* What came of it, once the part that shows it is there; later the reader is elsewhere. */
addEventListener("htmx:afterSettle", ({ detail }) => {
  const outcome = document.getElementById(detail.target.id)?.querySelector("[data-outcome]");
  if (!outcome || Date.now() - sentAt > 10000) return;
  sentAt = 0;
  outcome.focus();
});
