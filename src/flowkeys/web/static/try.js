// The Try pane: asks the chatflow and shows what it says while it is being said.
// Without this the form is sent to a page that shows the answer when it is complete.
"use strict";

(() => {
  const form = document.querySelector("form[data-try]");
  if (!form || !window.ReadableStream) return;
  const pane = form.closest(".try");
  const log = pane.querySelector("[data-try-log]");
  const template = pane.querySelector("template[data-try-turn]");
  const send = pane.querySelector("[data-try-send]");
  const stop = pane.querySelector("[data-try-stop]");
  const fresh = pane.querySelector("[data-try-new]");
  const question = form.elements.namedItem("question");
  const ANNOUNCED = 600;
  const LOST = "The connection was lost, so this answer is not complete. Your question is still here: send it again.";
  let running = null;

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!running) ask();
  });
  question?.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  stop.addEventListener("click", () => running?.abort());
  addEventListener("pagehide", () => running?.abort());
  fresh.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    running?.abort();
    log.replaceChildren();
    form.elements.namedItem("session").value = uuid();
    (question || form.querySelector("input:not([type=hidden]), select"))?.focus();
    flowkeys.announce("A new conversation.");
  });

  async function ask() {
    const asked = asText();
    const turn = begin(asked);
    const body = new URLSearchParams(new FormData(form));
    running = new AbortController();
    const signal = running.signal;
    if (question) question.value = "";
    busy(true);
    const began = performance.now();
    const clock = setInterval(() => turn.tick(began), 250);
    let problem = null;
    try {
      const response = await fetch(form.action, {
        method: "POST", body, signal, headers: { Accept: "text/event-stream" }, redirect: "error",
      });
      if (response.ok) await read(response, turn);
      else turn.fail(await refusal(response));
    } catch (error) {
      if (!signal.aborted) turn.fail(LOST);
    } finally {
      clearInterval(clock);
      running = null;
      problem = turn.end(began, signal.aborted);
      if (problem && question && !question.value) question.value = asked; // nothing typed is lost
      busy(false);
    }
  }

  function busy(is) {
    stop.hidden = !is;
    send.setAttribute("aria-disabled", is);
    log.setAttribute("aria-busy", is);
    if (!is && question && pane.contains(document.activeElement)) question.focus();
  }

  // What was asked: the question, or the form as "label: value" lines.
  function asText() {
    if (question) return question.value;
    return [...form.querySelectorAll(".field")].map((field) => {
      const control = field.querySelector("input, select");
      const value = control.type === "checkbox" ? (control.checked ? "yes" : "no") : control.value;
      return `${field.querySelector("label").textContent.trim()}: ${value}`;
    }).join("\n");
  }

  function begin(asked) {
    const copy = template.content.cloneNode(true);
    const find = (name) => copy.querySelector(`[data-${name}]`);
    const text = find("text"), failure = find("error"), status = find("status");
    const answer = text.parentElement;
    const parts = { sources: list(copy, "sources"), tools: list(copy, "tools") };
    let node = "", failed = "", unfinished = "", complete = false;
    find("question").textContent = asked;
    status.hidden = false;
    answer.classList.add("turn-busy");
    log.append(copy);
    follow(true);
    return {
      // The answer's Markdown, which the server made into HTML and sanitised; the text as it was sent stays beside it.
      format(html) {
        const at = atEnd();
        const formatted = find_in(answer, "formatted"), asSent = find_in(answer, "as-sent");
        formatted.innerHTML = html;
        formatted.hidden = false;
        text.classList.add("as-sent");
        asSent.append(text);
        asSent.hidden = false;
        follow(at);
      },
      say(piece) { const at = atEnd(); text.append(piece); follow(at); },
      runs(label) { node = label; },
      sources(items) { parts.sources(items, "source", "sources", (item) => [text_of(item.metadata?.source) || "A passage", text_of(item.pageContent)]); },
      tools(items) { parts.tools(items, "tool used", "tools used", (item) => [text_of(item.tool) || "A tool", about(item)]); },
      fail(words) { failed = words; },
      finished(reason) {
        if (typeof reason !== "string" || reason === "stop") return;
        const place = find_in(answer, "unfinished"), words = JSON.parse(place.dataset.words);
        unfinished = place.textContent = words[reason] || words[""].replace("{}", reason);
        place.hidden = false;
      },
      complete() { complete = true; },
      tick(began) {
        const seconds = Math.floor((performance.now() - began) / 1000);
        status.textContent = `${node ? `Running ${node}` : "Waiting for the answer"} · ${seconds} s`;
      },
      // Returns whether the question should be kept to be sent again.
      end(began, stopped) {
        const at = atEnd();
        const seconds = ((performance.now() - began) / 1000).toFixed(1);
        answer.classList.remove("turn-busy");
        if (!stopped && !failed && !complete) failed = LOST;
        if (stopped && !complete) {
          status.textContent = `Stopped after ${seconds} s. This question and what was said to it are not stored.`;
        } else if (failed) {
          failure.textContent = failed;
          failure.hidden = false;
          status.textContent = `Failed after ${seconds} s. This question is not stored.`;
        } else {
          status.textContent = `Answered in ${seconds} s`;
        }
        follow(at);
        const said = text.textContent.slice(0, ANNOUNCED);
        flowkeys.announce(failed || (stopped ? "Stopped." : `Answered: ${said} ${unfinished}`.trim()));
        return Boolean(failed) || (stopped && !complete);
      },
    };
  }

  function list(copy, name) {
    const box = copy.querySelector(`[data-${name}]`);
    const title = copy.querySelector(`[data-${name}-title]`);
    const items = copy.querySelector(`[data-${name}-list]`);
    return (found, one, many, words) => {
      const shown = (Array.isArray(found) ? found : []).filter((item) => item && typeof item === "object").slice(0, 100);
      if (!shown.length) return;
      title.textContent = `${shown.length} ${shown.length === 1 ? one : many}`;
      items.replaceChildren(...shown.map((item) => {
        const line = document.createElement("li");
        for (const [index, text] of words(item).entries()) {
          if (!text) continue;
          const part = document.createElement("p");
          part.className = index ? "said source-text" : "source-name";
          part.dir = "auto";
          part.textContent = text;
          line.append(part);
        }
        return line;
      }));
      box.hidden = false;
    };
  }

  function about(item) {
    const given = {};
    for (const name of ["toolInput", "toolOutput", "error"]) if (item[name]) given[name] = item[name];
    return Object.keys(given).length ? text_of(given) : "";
  }

  function text_of(value) {
    const text = value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
    return text.length > 4000 ? `${text.slice(0, 3999)}…` : text;
  }

  async function read(response, turn) {
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let received = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const records = (received + decoder.decode(value, { stream: true })).split("\n\n");
      received = records.pop();
      for (const record of records) {
        const at = record.indexOf("\ndata:");
        if (at >= 0) take(JSON.parse(record.slice(at + "\ndata:".length)), turn);
      }
    }
  }

  function take({ event, data }, turn) {
    if (event === "token") turn.say(data);
    else if (event === "nextAgentFlow") turn.runs(data.status === "INPROGRESS" ? text_of(data.nodeLabel) : "");
    else if (event === "sourceDocuments") turn.sources(data);
    else if (event === "usedTools") turn.tools(data);
    else if (event === "formatted") turn.format(data);
    else if (event === "metadata") turn.finished(data.finishReason);
    else if (event === "error") turn.fail(text_of(data));
    else if (event === "end") turn.complete();
  }

  async function refusal(response) {
    if (response.headers.get("content-type")?.startsWith("application/problem+json")) {
      const problem = await response.json();
      return (problem.errors || []).map((item) => item.message).join(" ") || problem.detail;
    }
    if (response.status === 401) return "You are signed out. Sign in in another tab, then send this again.";
    if (response.status === 404) return "The chatflow is not there any more.";
    if (response.status === 403) return "You may not try this chatflow.";
    return `The server could not do this (status ${response.status}). Try again in a moment.`;
  }

  function find_in(element, name) { return element.querySelector(`[data-${name}]`); }
  function atEnd() { return log.scrollHeight - log.scrollTop - log.clientHeight < 40; }
  function follow(is) { if (is) log.scrollTop = log.scrollHeight; }

  function uuid() { // crypto.randomUUID is there only over https and on one's own machine
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  }
})();
