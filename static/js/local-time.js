/* The reader's zone; "5 minutes ago" kept true; light or dark. */

function remember(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${encodeURIComponent(value)}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) remember("tz", zone);

const UNITS = Object.entries({ year: 31536000, month: 2629746, week: 604800, day: 86400, hour: 3600, minute: 60 });
const words = new Intl.RelativeTimeFormat("en");

function refresh() {
  for (const element of document.querySelectorAll("time[data-ago]")) {
    const seconds = (new Date(element.dateTime) - Date.now()) / 1000;
    const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? [];
    if (unit) element.textContent = words.format(Math.trunc(seconds / length), unit);
  }
}

setInterval(refresh, 60000);
document.addEventListener("visibilitychange", refresh);

const THEMES = ["auto", "light", "dark"];
const chooser = document.querySelector("[data-theme-next]");
let theme = document.documentElement.dataset.theme ?? "auto";

function show() {
  document.documentElement.dataset.theme = theme;
  chooser.querySelector("[data-theme-label]").textContent = `Theme: ${theme}`;
}

if (chooser) {
  chooser.hidden = false;
  show();
  chooser.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    remember("theme", theme);
    show();
  });
}
