// The list of keys: what is selected, and saying what a search found. The list itself comes from the server.
"use strict";

(() => {
  const list = document.getElementById("list");
  if (!list) return;
  const filters = document.getElementById("filters");
  let last = null;

  const boxes = () => [...list.querySelectorAll("input[name=ids]")];

  function show() {
    const all = boxes();
    const count = all.filter((box) => box.checked).length;
    const bar = document.getElementById("bulk");
    for (const head of list.querySelectorAll("[data-select-all]")) {
      head.checked = count > 0 && count === all.length;
      head.indeterminate = count > 0 && count < all.length;
      head.disabled = all.length === 0;
    }
    if (!bar) return;
    bar.hidden = count === 0;
    bar.querySelector("[data-selected]").textContent = count ? `${count} selected` : "";
  }

  function select(wanted) {
    for (const box of boxes()) box.checked = wanted;
    show();
  }

  list.addEventListener("click", (event) => {
    const box = event.target.closest("input[name=ids]");
    if (box) {
      const all = boxes();
      if (event.shiftKey && last && all.includes(last)) { // a range, as in lists of files and mail
        const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
        for (const between of all.slice(from, to + 1)) between.checked = box.checked;
      }
      last = box;
      show();
    } else if (event.target.closest("[data-select-none]")) {
      select(false);
      list.focus();
    }
  });
  list.addEventListener("change", (event) => {
    if (event.target.matches("[data-select-all]")) select(event.target.checked);
    else if (event.target.matches("select[form=filters]")) filters.requestSubmit();
  });

  // Another list was put in: nothing of it is selected, and who cannot see it hears what was found.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target !== list) return;
    last = null;
    show();
    const found = list.querySelector("[data-found]");
    if (found) window.flowkeys.announce(found.textContent);
    // A link of the page's end that is no longer there, "Next" on the last page, leaves the focus nowhere.
    if (document.activeElement === document.body) list.focus({ preventScroll: true });
  });
  document.addEventListener("htmx:pushedIntoHistory", () => {
    for (const link of document.querySelectorAll("[data-with-filters]")) {
      link.setAttribute("href", link.pathname + location.search);
    }
  });
  addEventListener("pageshow", show);
  show();
})();
