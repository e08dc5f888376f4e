/* Forms: sent once, by Ctrl-Enter too; counters near the limit; a failure that keeps what was typed. */

const COUNTER_FROM = 0.8;

function submitter(form) {
  return form.querySelector("button:not([type=button], [type=reset])");
}

function release(form) {
  delete form.dataset.busy;
  for (const button of form.querySelectorAll("[data-busy]")) {
    delete button.dataset.busy;
    button.removeAttribute("aria-disabled");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("method")?.toLowerCase() !== "post") return;
  if (form.dataset.busy) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  form.dataset.busy = "yes";
  const button = event.submitter ?? submitter(form);
  if (button) {
    button.dataset.busy = "yes";
    button.setAttribute("aria-disabled", "true");
  }
}, { capture: true });

function releaseAll() {
  document.querySelectorAll("form[data-busy]").forEach(release);
}

window.addEventListener("pageshow", releaseAll);
document.addEventListener("htmx:afterRequest", releaseAll);

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.target.form?.requestSubmit(submitter(event.target.form));
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit-on-change]")) event.target.form?.requestSubmit();
});

function count(field) {
  const counter = document.querySelector(`[data-counter="${CSS.escape(field.id)}"]`);
  if (!counter) return;
  const left = counter.dataset.max - [...field.value].length;
  counter.hidden = left > counter.dataset.max * (1 - COUNTER_FROM);
  counter.textContent = left < 0 ? `${-left} characters too many` : `${left} characters left`;
  counter.toggleAttribute("data-tone", left <= 0);
  if (left <= 0) counter.dataset.tone = left < 0 ? "critical" : "warning";
}

document.addEventListener("input", (event) => event.target.id && count(event.target));

function say(element, text) {
  const place = element.closest("form") ?? document.querySelector("main");
  place.querySelector("[data-failure]")?.remove();
  const frame = document.getElementById("failure-frame").content.firstElementChild.cloneNode(true);
  frame.querySelector("[data-failure-text]").textContent = text;
  place.prepend(frame);
}

document.addEventListener("htmx:sendError", ({ detail }) => {
  say(detail.elt, "The portal did not answer. What you typed is still here: try again.");
});

document.addEventListener("htmx:responseError", ({ detail }) => {
  say(detail.elt, `The portal answered with an error (${detail.xhr.status}). What you typed is still here: try again.`);
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, elt } = event.detail;
  const landed = xhr.responseURL && new URL(xhr.responseURL).pathname;
  if (landed !== document.body.dataset.signIn || landed === location.pathname) return;
  event.detail.shouldSwap = false;
  say(elt, "You are signed out. Sign in in another tab, then try again: what you typed is still here.");
});
