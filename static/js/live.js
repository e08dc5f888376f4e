/* [data-live] asks for news while seen; a swap keeps focus and what is open. */

function tick(isAll) {
  if (document.hidden) return;
  for (const part of document.querySelectorAll("[data-live]")) {
    if (isAll || part.querySelector("[data-away]").hidden) htmx.trigger(part, "tick");
  }
}

setInterval(tick, 15000);
setInterval(tick, 60000, true);
addEventListener("visibilitychange", tick);

addEventListener("htmx:beforeSwap", ({ detail }) => {
  const part = detail.target;
  const { live } = part.dataset;
  const { isCollapsed, anchorNode } = getSelection();
  const isRead = document.querySelector("dialog[open]") || (!isCollapsed && part.contains(anchorNode));
  if (live && isRead && detail.requestConfig.triggeringEvent?.type !== "submit") detail.shouldSwap = false;
  if (!live || !detail.shouldSwap) return;
  const open = part.querySelectorAll("details[open]");
  const href = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
  addEventListener("htmx:afterSwap", () => {
    const next = document.getElementById(part.id);
    for (const { id } of open) document.getElementById(id)?.setAttribute("open", "");
    next.querySelector(`[href="${CSS.escape(href)}"]`)?.focus({ preventScroll: true });
    next.toggleAttribute("data-same", next.dataset.live === live);
    if (next.dataset.live !== live) document.querySelector("[data-said]").textContent = next.dataset.live;
  }, { once: true });
});
