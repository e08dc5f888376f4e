/* Times: tells the server the reader's zone, and keeps "5 minutes ago" true while the page is open.
   Also the choice between light, dark and the system's own. */

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const secure = location.protocol === "https:" ? "; Secure" : "";

function remember(name, value) {
  document.cookie = `${name}=${encodeURIComponent(value)}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

if (zone) remember("tz", zone);

const UNITS = [[31536000, "year"], [2629746, "month"], [604800, "week"], [86400, "day"], [3600, "hour"], [60, "minute"]];
const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });

function refresh() {
  for (const element of document.querySelectorAll("time[data-ago]")) {
    const seconds = (new Date(element.dateTime) - Date.now()) / 1000;
    const [size, unit] = UNITS.find(([length]) => Math.abs(seconds) >= length) ?? [];
    if (size) element.textContent = words.format(Math.trunc(seconds / size), unit);
  }
}

setInterval(refresh, 60000);
document.addEventListener("visibilitychange", () => document.hidden || refresh());

const THEMES = ["auto", "light", "dark"];
const chooser = document.querySelector("[data-theme-next]");

function show(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  chooser.querySelector("[data-theme-label]").textContent = `Theme: ${theme}`;
}

if (chooser) {
  chooser.hidden = false;
  let theme = document.documentElement.dataset.theme ?? "auto";
  show(theme);
  chooser.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    remember("theme", theme);
    show(theme);
  });
}
