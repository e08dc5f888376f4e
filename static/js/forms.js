/* Sent once, by Ctrl-Enter too; counters near the limit; failures keep what was typed. */

const SHOWN_LAST = 0.2;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("method")?.toLowerCase() !== "post") return;
  if (form.dataset.busy) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  form.dataset.busy = 1;
  const button = event.submitter ?? form.querySelector("button:not([type=button])");
  button?.setAttribute("data-busy", "yes");
  button?.setAttribute("aria-disabled", "true");
}, { capture: true });

function release() {
  for (const element of document.querySelectorAll("form[data-busy], form [data-busy]")) {
    element.removeAttribute("data-busy");
    element.removeAttribute("aria-disabled");
  }
}

window.addEventListener("pageshow", release);
document.addEventListener("htmx:afterRequest", release);

document.addEventListener("keydown", ({ key, ctrlKey, metaKey, target }) => {
  if (key === "Enter" && (ctrlKey || metaKey)) target.form?.requestSubmit();
});

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-submit-on-change]")) target.form.requestSubmit();
});

document.addEventListener("input", ({ target }) => {
  const counter = target.id && document.querySelector(`[data-counter="${CSS.escape(target.id)}"]`);
  if (!counter) return;
  const left = counter.dataset.max - [...target.value].length;
  counter.hidden = left > counter.dataset.max * SHOWN_LAST;
  counter.textContent = left < 0 ? `${-left} characters too many` : `${left} characters left`;
  counter.dataset.tone = left < 0 ? "critical" : "neutral";
});

function say(element, text) {
  const place = element.closest("form, main") ?? document.body;
  place.querySelector("[data-failure]")?.remove();
  const frame = document.getElementById("failure-frame").content.firstElementChild.cloneNode(true);
  frame.querySelector("[data-failure-text]").prepend(text);
  place.prepend(frame);
}

document.addEventListener("htmx:sendError", ({ detail }) => say(detail.elt, "The portal did not answer."));

document.addEventListener("htmx:responseError", ({ detail }) => {
  say(detail.elt, `The portal answered with an error (${detail.xhr.status}).`);
});

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (new URL(detail.xhr.responseURL).pathname !== document.body.dataset.signIn) return;
  detail.shouldSwap = false;
  say(detail.requestConfig.elt, "You are signed out: sign in in another tab.");
});
