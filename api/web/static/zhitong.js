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
// An import under way: its progress is asked for instead of loading the page again.
document.querySelectorAll("[data-import]").forEach((loading) => {
  const bar = loading.querySelector("progress");
  const ask = async () => {
    const answer = await fetch(`/api/v1/imports/${loading.dataset.import}`).catch(() => null);
    if (!answer) { setTimeout(ask, 3000); return; }
    const now = answer.ok ? await answer.json() : { step: null };
    if (!now.step) { location.reload(); return; }
    loading.querySelector("label").textContent = now.step;
    if (now.total) { bar.max = now.total; bar.value = Math.min(now.done, now.total); } else { bar.removeAttribute("value"); }
    loading.querySelector("[role=status]").textContent = now.total ? `${now.done} / ${now.total}` : now.done ? `已处理 ${now.done}` : "";
    setTimeout(ask, 1000);
  };
  setTimeout(ask, 1000);
});

// A file that is too large is refused before it is sent.
document.querySelectorAll("input[type=file][data-megabytes]").forEach((input) => {
  input.addEventListener("change", () => {
    const most = Number(input.dataset.megabytes), size = input.files[0]?.size ?? 0;
    input.setCustomValidity(size > most * 1024 * 1024 ? `文件超过 ${most} MB。请拆成几个文件再导入。` : "");
    input.reportValidity();
  });
});
// What is at work tells how far it is without being asked.
const polled = document.querySelector("[data-poll='1']");
if (polled) {
  const again = async () => {
    const answer = await fetch(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = answer.ok && page.getElementById(polled.id);
    if (!now || now.dataset.poll !== "1") { location.reload(); return; }
    polled.querySelector("[role=status]").textContent = now.querySelector("[role=status]").textContent;
    setTimeout(again, 2000);
  };
  setTimeout(again, 2000);
}
