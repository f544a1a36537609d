// Keeps approvals up to date: at each event of the server the page is fetched
// again, and replaced where what it tells has changed. Without this script
// the pages work by reload.
"use strict";

(() => {
  const live = () => document.querySelector("[data-live]");
  if (!live() || !window.EventSource) return;

  // What somebody has begun to fill in is not taken from under their hands.
  let touched = false;
  document.addEventListener("input", () => { touched = true; });

  const fetchPage = async () => {
    const answer = await fetch(location.pathname, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) throw new Error("status " + answer.status);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };

  const replace = (page) => {
    const fresh = page.querySelector("[data-live]");
    if (!fresh || fresh.dataset.version === live().dataset.version) return;
    const pending = live().querySelector("form.decide");
    if (pending && touched && fresh.querySelector("form.decide")) return;
    const focused = document.activeElement && document.activeElement.id;
    live().replaceWith(document.adoptNode(fresh));
    document.title = page.title;
    const again = focused && document.getElementById(focused);
    if (again) again.focus();
    announce();
  };

  // The region that screen readers listen to must be there before its text.
  const voice = document.createElement("p");
  voice.className = "away";
  voice.setAttribute("role", "status");
  document.body.append(voice);
  const announce = () => {
    const sum = document.querySelector("#sum, #standing");
    voice.textContent = sum ? sum.textContent.trim() : "";
  };

  let running = false;
  let again = false;
  const refresh = async () => {
    if (running) { again = true; return; }
    running = true;
    try {
      do {
        again = false;
        replace(await fetchPage());
      } while (again);
    } catch {
      // The next event or a reload tries again.
    } finally {
      running = false;
    }
  };

  const events = new EventSource("/approvals/events");
  events.onmessage = refresh;
  events.onopen = refresh; // what happened while nobody listened
})();
