// Forms with files: say what was chosen and whether it is too much, and how much of it was sent.
"use strict";

(() => {
  const MB = 1024 * 1024;

  function size(bytes) {
    if (bytes < 1024) return `${bytes} bytes`;
    const large = bytes >= MB;
    const value = bytes / (large ? MB : 1024);
    return `${value >= 10 ? Math.round(value) : Math.round(value * 10) / 10} ${large ? "MB" : "kB"}`;
  }

  // ---- what was chosen ------------------------------------------------------------------------------------

  function problem(field, files, total) {
    const most = { files: Number(field.dataset.maxFiles), all: Number(field.dataset.maxBytes), one: Number(field.dataset.maxFileBytes) };
    if (files.length > most.files) return `Choose at most ${most.files.toLocaleString("en")} files at once.`;
    if (total > most.all) return `This is ${size(total)}, and at most ${size(most.all)} can be sent at once. Choose fewer or smaller files.`;
    const large = most.one && files.find((file) => file.size > most.one);
    if (large) return `${large.name} has ${size(large.size)}, and a file may have at most ${size(most.one)}.`;
    return "";
  }

  function look(field) {
    const files = [...field.files];
    const total = files.reduce((sum, file) => sum + file.size, 0);
    const wrong = problem(field, files, total);
    const place = document.querySelector(`[data-chosen="${field.id}"]`);
    if (!place) return;
    field.setCustomValidity(wrong);
    place.classList.toggle("wrong", wrong !== "");
    const many = files.length === 1 ? files[0].name : `${files.length} files`;
    place.textContent = wrong || (files.length ? `Chosen: ${many}, ${size(total)}.` : "");
    suggestName(field, files);
  }

  function suggestName(field, files) {
    const name = field.form.elements.namedItem("name");
    if (field.id !== "file" || !name || files.length !== 1 || (name.value && name.value !== name.dataset.suggested)) return;
    name.dataset.suggested = files[0].name
      .replace(/\.json$/i, "").replace(/ (Chatflow|Agentflow|Agents|MultiAgents)( ?\(\d+\))?$/i, "").trim().slice(0, 255);
    name.value = name.dataset.suggested;
  }

  const asFiles = (event) => event.target.closest?.("input[type=file][data-max-bytes]");
  document.addEventListener("change", (event) => { if (asFiles(event)) look(asFiles(event)); });
  for (const [kind, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
    document.addEventListener(kind, (event) => asFiles(event)?.classList.toggle("over", over));
  }
  for (const field of document.querySelectorAll("input[type=file][data-max-bytes]")) look(field); // going back keeps them

  // ---- how much was sent ----------------------------------------------------------------------------------

  function sending(form, share) {
    const place = form.querySelector("[data-sending]");
    if (!place) return;
    place.hidden = share === null;
    place.querySelector("progress").value = 100 * (share ?? 0);
    place.querySelector("[data-sending-text]").textContent =
      share === 1 ? "Sent. The server reads it…" : `Sending: ${Math.floor(100 * (share ?? 0))} %`;
  }

  document.addEventListener("htmx:beforeSend", (event) => {
    const form = event.target.closest("form#new-form");
    if (!form) return;
    sending(form, 0);
    event.detail.xhr.upload.addEventListener("progress", (step) => {
      if (step.lengthComputable) sending(form, step.loaded / step.total);
    });
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest("form#new-form");
    if (form && !event.detail.xhr.getResponseHeader("HX-Redirect")) sending(form, null);
  });

  // ---- what came back ---------------------------------------------------------------------------------------

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id !== "new-place") return;
    for (const field of event.detail.target.querySelectorAll("input[type=file][data-max-bytes]")) look(field);
    event.detail.target.querySelector("[aria-invalid=true], [data-focus]")?.focus();
  });
})();
