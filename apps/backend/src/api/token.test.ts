import { expect, test } from "vitest";
import { appRouter } from "./router.ts";
import { serveHttp, TOKEN } from "./testing/serve.ts";

const RUN_FILES = ["work.patch", "work.bundle", "conversation.jsonl", "checks/1-2-3.txt"].map(
  (name) => `/runs/run_0123456789/${name}`,
);
const PROCEDURES = Object.keys(appRouter._def.procedures).map((name) => `/trpc/${name}`);

const STRANGERS = [
  {},
  { authorization: "Bearer wrong" },
  { authorization: `Basic ${Buffer.from(`x:${TOKEN}`).toString("base64")}` },
  { cookie: "ccr_session=wrong" },
  { cookie: `ccr_session=${TOKEN}` },
  { authorization: "Bearer wrong", cookie: `ccr_session=${TOKEN}` },
];

test("nothing but the login and the probes is there for who has no token", async () => {
  await using server = await serveHttp();
  expect(PROCEDURES.length).toBeGreaterThan(15);
  for (const path of [...PROCEDURES, ...RUN_FILES, "/metrics", "/", "/assets/x.js", "/nothing"]) {
    for (const headers of STRANGERS) {
      for (const method of ["GET", "POST"]) {
        const answer = await server.ask(path, { method, headers });
        expect([method, path, answer.status]).toEqual([method, path, 401]);
        expect(answer.body).not.toContain(TOKEN);
      }
    }
  }
});

test("nothing but the probes is there under another name, also for who has the token", async () => {
  await using server = await serveHttp();
  const headers = { host: "evil.test", authorization: `Bearer ${TOKEN}` };
  for (const path of [...PROCEDURES, ...RUN_FILES, "/", "/login"]) {
    expect([path, (await server.ask(path, { headers })).status]).toEqual([path, 403]);
  }
});
