// What every page does beside showing itself: the dialog, copying, and saying when the server is out of reach.
// Everything else works without it.
"use strict";

(() => {
  const dialog = document.getElementById("dialog");
  const connection = document.getElementById("connection");
  const announcer = document.getElementById("announce");
  let opener = null;

  // ---- the dialog: a link with data-dialog opens its page in it -------------------------------------------

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      if (!dialog.open) opener = link;
      htmx.ajax("GET", link.getAttribute("href"), { target: "#dialog", swap: "innerHTML" });
    }
  });

  // What closes the dialog is a plain link where the same page stands alone. In the dialog nobody follows it:
  // this hears of the click before htmx does.
  document.addEventListener("click", (event) => {
    if (dialog.contains(event.target) && event.target.closest("[data-close]")) {
      event.preventDefault();
      event.stopPropagation();
      dialog.close();
    }
  }, true);

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target === dialog) moveOut();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === dialog) {
      if (!dialog.open) dialog.showModal();
      dialog.scrollTop = 0;
      const first = dialog.querySelector("[data-focus], [aria-invalid=true], [autofocus]");
      (first || dialog.querySelector(".dialog-close") || dialog).focus();
    }
    prepare(event.detail.target);
  });

  // What is shown once is not lost to a key pressed by mistake. Browsers let a page cancel a dialog's closing
  // only so often, so the key itself is stopped too.
  dialog.addEventListener("cancel", (event) => {
    if (dialog.querySelector("[data-keep-open]")) event.preventDefault();
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && dialog.querySelector("[data-keep-open]")) event.preventDefault();
  });

  dialog.addEventListener("close", () => {
    const reload = dialog.querySelector("[data-reload-on-close]") !== null;
    moveOut();
    dialog.replaceChildren();
    if (reload) {
      location.reload();
    } else if (opener && opener.isConnected) {
      opener.focus();
    }
    opener = null;
  });

  // ---- copying --------------------------------------------------------------------------------------------

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    const copied = await copy(source);
    const label = button.querySelector("[data-copy-label]");
    label.textContent = copied ? "Copied" : "Select and copy it";
    button.classList.toggle("copied", copied);
    announce(copied ? "Copied." : "It could not be copied. It is selected now: copy it with the keyboard.");
    clearTimeout(button.timer);
    button.timer = setTimeout(() => { label.textContent = "Copy"; button.classList.remove("copied"); }, 4000);
  });

  async function copy(source) {
    const text = source.textContent;
    if (navigator.clipboard) {
      try {
        await navigator.clipboard.writeText(text);
        return true;
      } catch (error) { /* the browser does not allow it: the old way */ }
    }
    const range = document.createRange();
    range.selectNodeContents(source);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return document.execCommand("copy");
  }

  function announce(text) {
    announcer.textContent = "";
    setTimeout(() => { announcer.textContent = text; }, 50);
  }

  // ---- what is shown once does not come back from the browser's memory ----------------------------------------

  function forgetSecrets() {
    for (const place of document.querySelectorAll("[data-secret]")) place.replaceChildren();
  }
  addEventListener("pagehide", forgetSecrets);
  addEventListener("pageshow", (event) => {
    if (event.persisted) {
      forgetSecrets();
      location.reload();
    }
  });

  // ---- a token has no place in an address ------------------------------------------------------------------------

  // Whoever looks for a key may paste its whole token. Its last four characters find it as well, and what is
  // searched for stands in the address, which ends up in histories and logs.
  const TOKEN = /fl-[0-9A-Za-z]{28}([0-9A-Za-z]{4})/g;
  const SHORTENED = "A whole token has no place in a search: only its last four characters were kept.";

  function shorten(field) {
    const short = field.value.replace(TOKEN, "$1");
    if (short === field.value) return;
    field.value = short;
    const note = document.createElement("p");
    note.id = "shortened";
    note.className = "hint";
    note.textContent = SHORTENED;
    (field.closest(".field, .filter") || field.parentElement).append(note);
    announce(SHORTENED);
  }
  // While they are caught on their way down, before anything that sends them.
  document.addEventListener("input", (event) => {
    if (!event.target.matches?.("input[type=search]")) return;
    document.getElementById("shortened")?.remove();
    shorten(event.target);
  }, true);
  for (const name of ["submit", "change"]) { // what the browser filled in by itself makes no input
    document.addEventListener(name, (event) => {
      const form = event.target.form || event.target.closest?.("form");
      for (const field of form?.querySelectorAll("input[type=search]") ?? []) shorten(field);
    }, true);
  }
  // What stands in the address of this page all the same is at least not there any longer.
  if (location.href.search(TOKEN) >= 0) history.replaceState(null, "", "/");

  // ---- the server out of reach ----------------------------------------------------------------------------------

  const LOST = "The server cannot be reached. What you typed is still here: check the connection and try again.";
  function say(text) {
    connection.textContent = text;
    connection.hidden = false;
    if (dialog.open) dialog.prepend(connection); // a modal dialog hides what is behind it from everybody
  }
  function moveOut() {
    if (dialog.contains(connection)) document.querySelector("header.top").after(connection);
  }
  function allIsWell() {
    connection.hidden = true;
    moveOut();
  }
  document.addEventListener("htmx:sendError", () => say(LOST));
  document.addEventListener("htmx:timeout", () => say(LOST));
  addEventListener("offline", () => say(LOST));
  addEventListener("online", allIsWell);
  // Of a list, or another part of a page, that cannot be had anew, what was there before stays: an error has no
  // such part, and nothing would be left.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { detail } = event;
    const { elt, verb } = detail.requestConfig;
    if (detail.xhr.status < 400 || verb !== "get" || !elt.closest("[hx-select]")) return;
    detail.shouldSwap = false;
    detail.isError = true;
  });
  const told = new WeakSet(); // answers of which something was said
  document.addEventListener("htmx:afterOnLoad", (event) => {
    const { xhr } = event.detail;
    if (xhr.status < 500 && !told.has(xhr)) allIsWell();
  });
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr } = event.detail;
    const { status } = xhr;
    told.add(xhr);
    if (status === 401) {
      say("You are signed out. Sign in in another tab, then send this again: what you typed is still here.");
    } else if (status >= 500) {
      say(`The server could not do this (status ${status}). What you typed is still here: try again in a moment.`);
    } else {
      say(`The server refused this (status ${status}). What is shown is what was here before.`);
    }
  });
  window.flowkeys = { say, allIsWell, announce };

  // ---- small things -----------------------------------------------------------------------------------------------

  function prepare(root) {
    for (const button of root.querySelectorAll("[data-copy], [data-needs-script]")) button.hidden = false;
    for (const button of root.querySelectorAll("[data-without-script]")) button.hidden = true;
  }
  prepare(document);

  // A form is sent once, however often its button is pressed. (htmx sees to those in the dialog.)
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.closest("[hx-boost]")) return;
    if (form.dataset.sent) event.preventDefault();
    else if (form.method === "post") form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  // A password can be looked at while it is chosen.
  document.addEventListener("change", (event) => {
    const field = event.target.dataset?.shows && document.getElementById(event.target.dataset.shows);
    if (field) field.type = event.target.checked ? "text" : "password";
  });

  // The menu closes when one looks elsewhere.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest?.("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
})();
