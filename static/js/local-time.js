/* The reader's zone; "5 minutes ago" kept true. */

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const secure = location.protocol === "https:" ? "; Secure" : "";
if (zone) document.cookie = `tz=${encodeURIComponent(zone)}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;

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
addEventListener("visibilitychange", refresh);
