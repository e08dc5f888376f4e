/* An element says its keys in data-shortcut ("/", "p", "g c"). Never while typing. */

const PAUSE_MS = 1200;
let pressed = "";
let timer;

function find(keys) {
  const found = [...document.querySelectorAll(`[data-shortcut="${CSS.escape(keys)}"]`)];
  return found.find((one) => one.checkVisibility()) ?? found[0];
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.key.length > 1) return;
  if (event.target.closest("input, textarea, select, dialog[open]")) return;
  clearTimeout(timer);
  timer = setTimeout(() => { pressed = ""; }, PAUSE_MS);
  const target = (pressed && find(`${pressed} ${event.key}`)) || find(event.key);
  pressed = target ? "" : event.key;
  if (!target) return;
  event.preventDefault();
  if (target.matches("input")) target.select();
  else target.click();
});

const help = document.querySelector("[data-shortcut='?']");
help?.removeAttribute("hidden");
help?.addEventListener("click", () => {
  const list = document.querySelector("[data-shortcut-list]");
  list.replaceChildren();
  for (const element of document.querySelectorAll("[data-shortcut]")) {
    const [term, meaning, key] = ["dt", "dd", "kbd"].map((name) => document.createElement(name));
    key.textContent = element.dataset.shortcut;
    term.append(key);
    meaning.textContent = element.dataset.shortcutLabel || element.textContent.trim();
    list.append(term, meaning);
  }
});
