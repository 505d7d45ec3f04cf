// What a page does a little nicer where scripts run. Everything works without it.
(() => {
  "use strict";

  // A menu closes when one goes on elsewhere, and with Escape.
  const menus = () => document.querySelectorAll("details[data-menu][open]");
  document.addEventListener("click", (event) => {
    for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // A form that is on its way is not sent twice.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent === "yes") {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    // Where the answer is a file the page stays, and one may want it again.
    setTimeout(() => delete form.dataset.sent, 4000);
  });
  // Whoever comes back to a page finds its forms as they were.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  // Whoever typed something wrong begins at what is wrong.
  const wrong = document.querySelector("[data-errors]");
  if (wrong) wrong.focus();
})();
