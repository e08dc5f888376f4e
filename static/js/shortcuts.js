/* Keys: an element says its own with data-shortcut ("/", "p", "g c"). Never while typing. */

const PAUSE_MS = 1200;
let pressed = "";
let timer;

function isTyping(element) {
  return element.isContentEditable || element.matches("input, textarea, select");
}

function find(keys) {
  return [...document.querySelectorAll(`[data-shortcut="${CSS.escape(keys)}"]`)];
}

function use(element) {
  if (element.matches("input")) {
    element.focus();
    element.select();
  } else {
    element.click();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key.length !== 1 || document.querySelector("dialog[open]")) return;
  clearTimeout(timer);
  timer = setTimeout(() => { pressed = ""; }, PAUSE_MS);
  const together = pressed ? `${pressed} ${event.key}` : event.key;
  const targets = find(together).concat(pressed ? find(event.key) : []);
  const target = targets.find((element) => element.checkVisibility()) ?? targets[0];
  pressed = event.key;
  if (target) {
    event.preventDefault();
    pressed = "";
    use(target);
  }
});

const help = document.querySelector("[data-shortcut='?']");
help?.removeAttribute("hidden");
help?.addEventListener("click", () => {
  const list = document.querySelector("[data-shortcut-list]");
  list.replaceChildren();
  for (const element of document.querySelectorAll("[data-shortcut]")) {
    const [term, meaning] = [document.createElement("dt"), document.createElement("dd")];
    const key = document.createElement("kbd");
    key.textContent = element.dataset.shortcut;
    term.append(key);
    meaning.textContent = element.dataset.shortcutLabel || element.textContent.trim();
    list.append(term, meaning);
  }
});
