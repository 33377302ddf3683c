// better-auth's API key plugin as its guide sets it up: SQLite through better-sqlite3, keys verified with
// auth.api.verifyApiKey. Its rate limit, 10 calls of a key a day unless set, is switched off.
import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.PEER_HOME}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { betterAuth } = await load("better-auth");
const { getMigrations } = await load("better-auth/db/migration");
const { apiKey } = await load("@better-auth/api-key");
const { default: Database } = await load("better-sqlite3");

const folder = process.env.PEER_FOLDER;
const database = new Database(`${folder}/auth.sqlite`);
database.pragma("journal_mode = WAL");
const options = {
  database,
  secret: "only for measuring, and long enough for it",
  baseURL: "http://127.0.0.1",
  emailAndPassword: { enabled: true },
  plugins: [apiKey({ rateLimit: { enabled: false } })],
  telemetry: { enabled: false },
};
const auth = betterAuth(options);
await (await getMigrations(options)).runMigrations();
const { user } = await auth.api.signUpEmail({
  body: { email: "owner@example.com", password: "a password for measuring", name: "Owner" },
});
let made;
for (let number = 0; number < 10; number++) {
  made = await auth.api.createApiKey({ body: { name: `key ${number}`, userId: user.id } });
}
writeFileSync(`${folder}/token`, made.key);

const server = createServer(async (request, response) => {
  const key = (request.headers.authorization ?? "").replace(/^Bearer /, "");
  const answer = key ? await auth.api.verifyApiKey({ body: { key } }) : { valid: false };
  const body = JSON.stringify(answer.valid ? { id: answer.key.id, name: answer.key.name } : { error: "no" });
  response.writeHead(answer.valid ? 200 : 401, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
process.on("SIGTERM", () => process.exit(0));
