// Makes many calls at a time with a client that waits when it is refused; prints how each ended.

import { stdin } from "node:process";

let text = "";
for await (const part of stdin) text += part;
const { client, method, url, key, calls } = JSON.parse(text);
const headers = { authorization: `Bearer ${key}` };
const repeats = method === "POST" ? { retry: { methods: ["post"] } } : {};

async function caller() {
  if (client === "ky") {
    const { default: ky } = await import("ky");
    return async () => (await ky(url, { method, headers, ...repeats })).status;
  }
  if (client === "got") {
    const { default: got } = await import("got");
    const upper = method === "POST" ? { retry: { methods: ["POST"] } } : {};
    return async () => (await got(url, { method, headers, ...upper })).statusCode;
  }
  const { default: axios } = await import("axios");
  const { default: axiosRetry, isRetryableError } = await import("axios-retry");
  // Without a condition it repeats what changes nothing; it does not look at the status of a POST.
  axiosRetry(axios, method === "POST" ? { retryCondition: isRetryableError } : {});
  return async () => (await axios({ url, method, headers })).status;
}

const call = await caller();
const ended = await Promise.all(
  Array.from({ length: calls }, () => call().catch((error) => `${error.name}: ${error.message}`)),
);
const counts = {};
for (const each of ended) counts[each] = (counts[each] ?? 0) + 1;
console.log(JSON.stringify(counts));
