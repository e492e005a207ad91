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

// A file that is too large is refused before it is sent.
document.querySelectorAll("input[type=file][data-megabytes]").forEach((input) => {
  input.addEventListener("change", () => {
    const most = Number(input.dataset.megabytes), size = input.files[0]?.size ?? 0;
    input.setCustomValidity(size > most * 1024 * 1024 ? `文件超过 ${most} MB。请拆成几个文件再导入。` : "");
    input.reportValidity();
  });
});

// What is at work tells how far it is without being asked: its part of the page is read again.
document.querySelectorAll("[data-poll='1']").forEach((part) => {
  const again = async () => {
    const text = await fetch(location.href).then((answer) => answer.ok ? answer.text() : "", () => null);
    if (text === null) { setTimeout(again, 3000); return; }
    const now = new DOMParser().parseFromString(text, "text/html").getElementById(part.id);
    if (now?.dataset.poll !== "1") { location.reload(); return; }
    part.replaceChildren(...now.childNodes);
    setTimeout(again, 1000);
  };
  setTimeout(again, 1000);
});
