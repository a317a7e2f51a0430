"use strict";
// The page works without this. It only asks before unsaved words are left behind, and sends a
// form on Ctrl+Enter or Cmd+Enter.
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
