// Fetches the page again every two seconds and swaps its contents, so that it never blinks or loses its place.
"use strict";
const PAUSE_MS = 2000;

async function refresh() {
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok) {
        document.querySelector("main").replaceWith(page.querySelector("main"));
        document.title = page.title;
      }
    } catch {
      document.title = "(away) PagerDuty stand-in";
    }
  }
  setTimeout(refresh, PAUSE_MS);
}
setTimeout(refresh, PAUSE_MS);
