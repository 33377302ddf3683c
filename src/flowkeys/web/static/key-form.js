// The form of an API key: it may be on a page or come into the dialog later, so everything listens to the document.
// Without this the server does the same when the form is sent.
"use strict";

(() => {
  // Enter in the search searches, which typing has done already; it does not create a key.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches?.("[data-chatflow-search]")) event.preventDefault();
  });

  // Whatever changes something includes seeing it; without seeing it nothing else is left.
  document.addEventListener("change", (event) => {
    const box = event.target;
    if (box.name !== "permissions") return;
    const group = box.closest("[data-permission-group]");
    const view = group?.querySelector("[data-view]");
    if (view && box.checked) view.checked = true;
    if (view === box && !box.checked) {
      for (const other of group.querySelectorAll("input:checked")) other.checked = false;
    }
    const all = box.closest(".permissions");
    const chosen = all.querySelectorAll("input:checked").length;
    all.querySelector("[data-permission-count]").textContent = `(${chosen || "none"})`;
  });
})();
