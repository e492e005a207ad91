// Every page works without this file; it only saves clicks. No inline script, no other host.
"use strict";

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
});

// "/" goes to the first search box, as elsewhere.
document.addEventListener("keydown", (event) => {
  const typing = /^(?:INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const box = document.querySelector("[role=search] textarea, [role=search] input[type=search]");
  if (box) { event.preventDefault(); box.focus(); }
});

// The account's menu closes as menus do: by Escape, or by a click elsewhere.
const accountMenu = document.querySelector("details.account");
if (accountMenu) {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !accountMenu.open) return;
    accountMenu.open = false;
    accountMenu.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => {
    if (!accountMenu.contains(event.target)) accountMenu.open = false;
  });
}
