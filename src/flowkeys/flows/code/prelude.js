// Makes the world of one run, and returns the one function by which the process talks to it. Nothing of the
// process is reachable from here: calls out are texts that it takes away, answers are texts that it brings.
(function () {
  "use strict";
  const { parse, stringify } = JSON;
  const { assign, defineProperty, getPrototypeOf, keys, fromEntries, entries } = Object;
  const { floor } = Math;
  const text = String;
  const plain = (value) => (typeof value === "string" ? value.toWellFormed() : value);
  const world = globalThis;
  const evaluate = world.eval;

  // Only the code that was approved runs: texts are not made into code.
  const refuse = (name) =>
    function () {
      throw new EvalError(name + " is not allowed here: texts are not run as code");
    };
  const functions = [function () {}, async function () {}, function* () {}, async function* () {}];
  for (const one of functions) {
    defineProperty(getPrototypeOf(one), "constructor", { value: refuse("Function"), configurable: false });
  }
  world.Function = refuse("Function");
  world.eval = refuse("eval");

  // No clock to measure others by: time stands still while code runs, and goes on in steps.
  for (const name of ["performance", "SharedArrayBuffer", "Atomics"]) delete world[name];
  const RealDate = world.Date;
  let now = 0;
  function Date_(...given) {
    if (new.target === undefined) return new RealDate(now).toString();
    return Reflect.construct(RealDate, given.length === 0 ? [now] : given, new.target);
  }
  Date_.prototype = RealDate.prototype;
  defineProperty(Date_, "name", { value: "Date" });
  defineProperty(Date_, "length", { value: 7 });
  Date_.now = () => now;
  Date_.parse = RealDate.parse;
  Date_.UTC = RealDate.UTC;
  defineProperty(RealDate.prototype, "constructor", { value: Date_, writable: true, configurable: true });
  world.Date = Date_;

  const silent = () => {};
  world.console = { log: silent, info: silent, warn: silent, error: silent, debug: silent, trace: silent };

  let serial = 0;
  const timers = new Map();
  const later = (repeats) => (call, delay, ...given) => {
    const wait = delay > 0 ? +delay : 0;
    timers.set(++serial, { at: now + wait, every: repeats ? (wait > 1 ? wait : 1) : null, call, given });
    return serial;
  };
  const stop = (id) => void timers.delete(id);
  world.setTimeout = later(false);
  world.setInterval = later(true);
  world.setImmediate = (call, ...given) => world.setTimeout(call, 0, ...given);
  world.clearTimeout = world.clearInterval = world.clearImmediate = stop;
  function first() {
    let found = null;
    for (const [id, timer] of timers) {
      if (found === null || timer.at < found[1].at) found = [id, timer];
    }
    return found;
  }

  let out = [];
  const asked = new Map();
  const ask = (request) =>
    new Promise((resolve, reject) => {
      const id = ++serial;
      asked.set(id, { resolve, reject });
      out[out.length] = { id, ...request };
    });

  // What a function returned, as Flowise prints it.
  const shown = (value) => (typeof value === "function" || typeof value === "symbol" ? undefined : value);
  function read(value) {
    try {
      return parse(value);
    } catch {
      return value;
    }
  }
  function settle(value) {
    value = shown(value);
    const found = shown(read(value));
    return {
      token: value ? (typeof value === "object" ? stringify(value, null, 2) : plain(value)) : undefined,
      content: typeof found === "object" ? stringify(found, null, 2) : plain(found),
      text: typeof found === "object" ? stringify(found) : found === undefined ? "" : plain(text(found)),
    };
  }
  function words(error) {
    try {
      return plain(text(error));
    } catch {
      return "what it threw cannot be shown";
    }
  }

  let done = null;
  const calls = {
    // Sets the time; as much as that runs what is due.
    time(at) {
      now = at;
    },
    // Adds what calls out, where the code asks for it.
    network(source) {
      evaluate(source)({ ask, assign, entries, fromEntries, parse, read, stringify, text, world });
    },
    // Gives the function its variables.
    start(given) {
      assign(world, parse(given));
    },
    // Calls it. By `await`: the methods of promises may have been replaced by then.
    async run(call) {
      try {
        const value = await call();
        done = { done: settle(value) };
      } catch (error) {
        done = { failed: words(error) };
      }
    },
    // Brings the answer to a call out.
    answer(given) {
      const answer = parse(given);
      const waiting = asked.get(answer.id);
      asked.delete(answer.id);
      if (waiting !== undefined) {
        if (answer.error === undefined) waiting.resolve(answer);
        else waiting.reject(new Error(answer.error));
      }
    },
    // Runs the timer that is due first, if one is.
    tick() {
      const found = first();
      if (found === null || found[1].at > now) return false;
      const [id, timer] = found;
      if (timer.every === null) timers.delete(id);
      else timer.at = now + timer.every;
      if (typeof timer.call === "function") timer.call(...timer.given);
      return true;
    },
    // What the process does next.
    state() {
      if (done !== null) return stringify(done);
      const calling = out;
      out = [];
      const next = first();
      return stringify({ out: calling, waiting: asked.size, next: next === null ? null : next[1].at });
    },
  };
  return (name, given) => calls[name](given);
})()
