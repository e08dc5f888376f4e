/* Keys of data-shortcut ("/", "p", "g c"), never while typing or switched off; Ctrl-K is "/".
   Arrows go from the search to its results, Escape back. */

const TYPING = "input, textarea, select, dialog[open]";
let pressed = "";
let timer;

function find(keys) {
  const found = [...document.querySelectorAll(`[data-shortcut="${CSS.escape(keys)}"]`)];
  return found.find((one) => one.checkVisibility()) ?? found[0];
}

addEventListener("keydown", (event) => {
  const { target: place, ctrlKey, metaKey, altKey } = event;
  const isFind = (ctrlKey || metaKey) && event.key === "k";
  const key = isFind ? "/" : event.key;
  const search = place.closest(".masthead__search");
  const step = (key === "ArrowDown") - (key === "ArrowUp");
  if (search && step) {
    event.preventDefault();
    const all = [...search.querySelectorAll("input, a")];
    all[all.indexOf(place) + step]?.focus();
  } else if (search && key === "Escape") {
    if (place.matches("a")) search.q.focus();
    else place.blur();
  }
  if (!isFind && document.body.dataset.shortcuts === "off") return;
  if (!isFind && (ctrlKey || metaKey || altKey || key.length > 1 || place.closest(TYPING))) return;
  clearTimeout(timer);
  timer = setTimeout(() => { pressed = ""; }, 1200);
  const target = (pressed && find(`${pressed} ${key}`)) || find(key);
  pressed = target ? "" : key;
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
