// fetch, axios and node-fetch: what they ask for is done by the server, as far as it allows.
(function (given) {
  "use strict";
  const { ask, assign, entries, fromEntries, parse, read, stringify, text, world } = given;
  const sent = (value) => (value === undefined || value === null ? null : text(value).toWellFormed());
  const lower = (name) => text(name).toLowerCase();
  class Headers {
    constructor(given) {
      this._all = new Map();
      if (given instanceof Headers) given = entries(given.all());
      else if (given && typeof given === "object" && !Array.isArray(given)) given = entries(given);
      for (const [name, value] of given || []) this.append(name, value);
    }
    append(name, value) {
      const known = this._all.get(lower(name));
      this._all.set(lower(name), known === undefined ? sent(value) : known + ", " + sent(value));
    }
    set(name, value) { this._all.set(lower(name), sent(value)); }
    get(name) { const found = this._all.get(lower(name)); return found === undefined ? null : found; }
    has(name) { return this._all.has(lower(name)); }
    delete(name) { this._all.delete(lower(name)); }
    forEach(call) { this._all.forEach((value, name) => call(value, name, this)); }
    keys() { return this._all.keys(); }
    values() { return this._all.values(); }
    entries() { return this._all.entries(); }
    [Symbol.iterator]() { return this._all.entries(); }
    all() { return fromEntries(this._all); }
  }
  class URLSearchParams {
    constructor(given) {
      this._all = [];
      if (typeof given === "string") {
        for (const part of given.replace(/^\?/, "").split("&")) {
          if (part === "") continue;
          const at = part.indexOf("=");
          const plain = (one) => decodeURIComponent(one.replace(/\+/g, " "));
          this.append(plain(at < 0 ? part : part.slice(0, at)), at < 0 ? "" : plain(part.slice(at + 1)));
        }
      } else if (given) {
        const each = typeof given[Symbol.iterator] === "function" ? given : entries(given);
        for (const [name, value] of each) this.append(name, value);
      }
    }
    append(name, value) { this._all.push([text(name), text(value)]); }
    set(name, value) { this.delete(name); this.append(name, value); }
    get(name) { const found = this._all.find((one) => one[0] === name); return found ? found[1] : null; }
    getAll(name) { return this._all.filter((one) => one[0] === name).map((one) => one[1]); }
    has(name) { return this._all.some((one) => one[0] === name); }
    delete(name) { this._all = this._all.filter((one) => one[0] !== name); }
    forEach(call) { for (const [name, value] of this._all) call(value, name, this); }
    entries() { return this._all[Symbol.iterator](); }
    [Symbol.iterator]() { return this._all[Symbol.iterator](); }
    toString() {
      const plain = (one) => encodeURIComponent(one).replace(/%20/g, "+");
      return this._all.map(([name, value]) => plain(name) + "=" + plain(value)).join("&");
    }
  }
  const FORM = "application/x-www-form-urlencoded;charset=utf-8";
  function body(given, headers) {
    if (given === undefined || given === null) return null;
    if (given instanceof URLSearchParams && !headers.has("content-type")) headers.set("content-type", FORM);
    else if (!headers.has("content-type")) headers.set("content-type", "text/plain;charset=UTF-8");
    return text(given);
  }
  async function fetch(where, options) {
    options = options || {};
    const headers = new Headers(options.headers);
    const method = text(options.method || "GET").toUpperCase();
    const given = body(options.body, headers);
    const got = await ask({
      url: sent(where), method: sent(method), headers: headers.all(), body: sent(given), redirect: options.redirect !== "manual",
    });
    const answer = {
      status: got.status, statusText: got.reason, ok: got.status >= 200 && got.status < 300, url: got.url,
      headers: new Headers(got.headers), redirected: got.redirected, bodyUsed: false,
      async text() { return got.body; },
      async json() { return parse(got.body); },
      clone() { return answer; },
    };
    return answer;
  }
  class AxiosError extends Error {
    constructor(message, code, config, response) {
      super(message);
      this.name = "AxiosError";
      this.code = code;
      this.config = config;
      this.response = response;
      this.status = response && response.status;
      this.isAxiosError = true;
    }
  }
  const absolute = /^[a-z][a-z0-9+.-]*:\/\//i;
  function address(config) {
    let url = text(config.url === undefined ? "" : config.url);
    if (config.baseURL && !absolute.test(url)) {
      url = text(config.baseURL).replace(/\/+$/, "") + (url === "" ? "" : "/" + url.replace(/^\/+/, ""));
    }
    if (config.params) {
      const given = config.params instanceof URLSearchParams ? config.params : new URLSearchParams();
      if (given !== config.params) {
        for (const [name, value] of entries(config.params)) {
          if (value === undefined || value === null) continue;
          const many = Array.isArray(value);
          for (const one of many ? value : [value]) {
            given.append(many ? name + "[]" : name, typeof one === "object" ? stringify(one) : one);
          }
        }
      }
      const query = given.toString();
      if (query) url += (url.includes("?") ? "&" : "?") + query;
    }
    return url;
  }
  function client(defaults) {
    async function request(where, more) {
      const own = typeof where === "string" ? { ...more, url: where } : where || {};
      const config = { ...defaults, ...own, headers: { ...defaults.headers, ...own.headers } };
      const method = text(config.method || "get").toUpperCase();
      const headers = new Headers({ Accept: "application/json, text/plain, */*" });
      for (const [name, value] of entries(config.headers)) {
        if (value !== undefined && value !== null && value !== false) headers.set(name, value);
      }
      if (config.auth) {
        const { username, password } = config.auth;
        headers.set("authorization", "Basic " + btoa((username || "") + ":" + (password || "")));
      }
      let data = config.data;
      if (data instanceof URLSearchParams) {
        if (!headers.has("content-type")) headers.set("content-type", FORM);
        data = data.toString();
      } else if (data !== undefined && data !== null && typeof data !== "string") {
        if (text(headers.get("content-type")).startsWith("application/x-www-form-urlencoded")) {
          data = new URLSearchParams(data).toString();
        } else {
          if (!headers.has("content-type")) headers.set("content-type", "application/json");
          data = stringify(data);
        }
      } else if (typeof data === "string" && !headers.has("content-type")) {
        headers.set("content-type", "application/x-www-form-urlencoded");
      }
      const kind = config.responseType || "json";
      if (kind !== "json" && kind !== "text") {
        throw new AxiosError("responseType " + kind + " is not supported here: json and text are",
          "ERR_NOT_SUPPORT", config);
      }
      let got;
      try {
        got = await ask({
          url: sent(address(config)), method: sent(method), headers: headers.all(), body: sent(data),
          redirect: config.maxRedirects !== 0,
        });
      } catch (error) {
        throw new AxiosError(error.message, "ERR_NETWORK", config);
      }
      const response = {
        data: kind === "json" ? read(got.body) : got.body, status: got.status, statusText: got.reason,
        headers: { ...got.headers }, config: { ...config, method: lower(method) }, request: {},
      };
      const accepts = config.validateStatus === undefined ? (one) => one >= 200 && one < 300 : config.validateStatus;
      if (accepts && !accepts(got.status)) {
        const code = got.status < 500 ? "ERR_BAD_REQUEST" : "ERR_BAD_RESPONSE";
        throw new AxiosError("Request failed with status code " + got.status, code, config, response);
      }
      return response;
    }
    const made = (where, more) => request(where, more);
    made.request = request;
    made.defaults = defaults;
    for (const method of ["get", "delete", "head", "options"]) {
      made[method] = (url, config) => request({ ...config, method, url });
    }
    for (const method of ["post", "put", "patch"]) {
      made[method] = (url, data, config) => request({ ...config, method, url, data });
    }
    made.create = (more) => client({ ...defaults, ...more, headers: { ...defaults.headers, ...(more || {}).headers } });
    made.isAxiosError = (one) => Boolean(one && one.isAxiosError);
    made.all = (many) => Promise.all(many);
    made.AxiosError = AxiosError;
    made.default = made.axios = made;
    return made;
  }
  const modules = {
    __proto__: null,
    axios: () => client({ headers: {} }),
    "node-fetch": () => assign((...given) => fetch(...given), { default: fetch, Headers }),
  };
  const required = new Map();
  world.require = (name) => {
    name = text(name);
    if (!(name in modules)) throw new Error("Cannot find module '" + name + "': code has axios and node-fetch");
    if (!required.has(name)) required.set(name, modules[name]());
    return required.get(name);
  };
  assign(world, { fetch, Headers, URLSearchParams });
})
