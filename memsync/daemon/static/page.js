"use strict";
// The pages work without this. It asks before unsaved words are left behind, sends a form on
// Ctrl+Enter or Cmd+Enter, copies values, takes a code from the address, and looks whether a job
// is done.
for (const form of document.querySelectorAll("form[data-guard]")) {
  const areas = [...form.querySelectorAll("textarea:not([readonly])")];
  let isSent = false;
  form.addEventListener("submit", () => { isSent = true; });
  window.addEventListener("pageshow", () => { isSent = false; });
  window.addEventListener("beforeunload", (event) => {
    if (!isSent && areas.some((area) => area.value !== area.defaultValue)) event.preventDefault();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}

document.querySelector(".bar [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// Browsers give a plain-http page no clipboard; there the value is selected and copied the old way.
for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      if (navigator.clipboard) await navigator.clipboard.writeText(field.value);
      else document.execCommand("copy");
      button.textContent = "Copied";
    } catch {
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

// The fragment never reaches a server; here it leaves the history as well.
for (const field of document.querySelectorAll("[data-fragment]")) {
  const take = () => {
    if (!location.hash) return;
    field.value = location.hash.slice(1);
    history.replaceState(null, "", location.pathname);
  };
  window.addEventListener("hashchange", take); // a second code, on the page that is open
  take();
}

const watched = document.querySelector("[data-watch]");
if (watched) {
  for (const words of document.querySelectorAll("[data-elapsed]")) {
    const bar = words.closest("section").querySelector("progress[value]");
    const began = performance.now() - words.dataset.elapsed * 1000;
    setInterval(() => {
      const seconds = (performance.now() - began) / 1000;
      words.textContent = seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
      if (bar) bar.value = Math.min(seconds, bar.max);
    }, 1000);
  }
  const look = setInterval(async () => {
    try {
      const answer = await fetch(watched.dataset.watch);
      if (answer.ok && (await answer.json()).jobs.some((job) => job.running_since)) return;
      clearInterval(look);
      location.replace(location.pathname);
    } catch { /* the daemon may be restarting: look again */ }
  }, 1000);
}
