import { expect, test } from "vitest";
import { pathAfterLogin } from "./login-page.ts";
import { serveHttp, TOKEN } from "./testing/serve.ts";

test.each([
  ["/runs/run_0123456789?tab=changes", "/runs/run_0123456789?tab=changes"],
  ["/", "/"],
  ["//evil.test/x", "/"],
  ["/\\evil.test", "/"],
  ["/x\\..\\y", "/"],
  ["https://evil.test", "/"],
  ["/login?token=x", "/"],
  ["/a\r\nset-cookie: x=1", "/"],
  ["/a b", "/"],
  [undefined, "/"],
  [["/a"], "/"],
])("after a login that wanted %j it goes to %s", (given, expected) => {
  expect(pathAfterLogin(given)).toBe(expected);
});

const form = (fields: Record<string, string>) => ({
  method: "POST",
  headers: { "content-type": "application/x-www-form-urlencoded" },
  body: new URLSearchParams(fields).toString(),
});

test("who opens a page without a session comes to it after the login, also after a wrong token", async () => {
  await using server = await serveHttp();
  const asked = await server.ask('/runs?task="><script>', { headers: { accept: "text/html" } });
  expect(asked.status).toBe(401);
  const next = /name="next" value="([^"]*)"/.exec(asked.body)?.[1] ?? "";
  expect(next).toContain("/runs?task=");
  expect(asked.body).not.toContain("<script");
  const wrong = await server.ask("/login", form({ token: "wrong", next: "/runs?status=failed" }));
  expect(wrong.status).toBe(401);
  expect(wrong.body).toContain('value="/runs?status=failed"');
  const right = await server.ask("/login", form({ token: TOKEN, next: "/runs?status=failed" }));
  expect([right.status, right.headers.location]).toEqual([303, "/runs?status=failed"]);
  const elsewhere = await server.ask("/login", form({ token: TOKEN, next: "//evil.test" }));
  expect(elsewhere.headers.location).toBe("/");
  // With no referrer at all a browser sends a form from the origin "null", which is refused.
  expect(asked.headers["referrer-policy"]).toBe("same-origin");
});
