/* Sent once, by Ctrl-Enter too, with the token of now; counters; failures keep all typed. */

addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if ("busy" in form.dataset) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  const token = form.elements.csrfmiddlewaretoken;
  if (token) token.value = document.cookie.match(/csrftoken=(\w+)/)?.[1] ?? token.value;
  form.dataset.busy = 1;
  if (event.submitter) event.submitter.dataset.busy = 1;
}, { capture: true });

function release({ target }) {
  for (const one of [target, ...target.querySelectorAll("[data-busy]")]) delete one.dataset?.busy;
}

addEventListener("pageshow", release);
addEventListener("htmx:afterRequest", release);

addEventListener("keydown", ({ key, ctrlKey, metaKey, target }) => {
  if (key === "Enter" && (ctrlKey || metaKey)) target.form?.requestSubmit();
});

addEventListener("change", ({ target }) => {
  if (target.matches("[data-submit-on-change]")) target.form.requestSubmit();
});

addEventListener("input", ({ target }) => {
  const counter = target.id && document.querySelector(`[data-counter="${CSS.escape(target.id)}"]`);
  if (!counter) return;
  const left = counter.dataset.max - [...target.value].length;
  counter.hidden = left > counter.dataset.max * 0.2;
  counter.textContent = left < 0 ? `${-left} characters too many` : `${left} characters left`;
  counter.dataset.tone = left < 0 ? "critical" : "neutral";
});

function say(element, text) {
  const note = element.querySelector("[data-away]");
  if (note) {
    note.hidden = false;
    (note.lastElementChild ?? note).textContent = text;
    element.removeAttribute("hx-include");
    return;
  }
  const place = element.closest("form, main") ?? document.body;
  place.querySelector("[data-failure]")?.remove();
  const frame = document.getElementById("failure-frame").content.firstElementChild.cloneNode(true);
  frame.querySelector("[data-failure-text]").prepend(text);
  place.prepend(frame);
}

addEventListener("htmx:sendError", ({ detail }) => say(detail.elt, "The portal did not answer."));

addEventListener("htmx:responseError", ({ detail }) => {
  const { xhr } = detail;
  const isText = xhr.getResponseHeader("content-type")?.startsWith("text/plain");
  say(detail.elt, isText ? xhr.responseText : `The portal answered with an error (${xhr.status}).`);
});

addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (new URL(detail.xhr.responseURL).pathname !== document.body.dataset.signIn) return;
  detail.shouldSwap = false;
  const { elt, verb } = detail.requestConfig;
  say(elt, `You are signed out${verb === "post" ? ", and nothing was sent" : ""}: sign in in another tab.`);
});
