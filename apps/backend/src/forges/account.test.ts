import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { startForge } from "@ccr/testkit";
import { expect, test } from "vitest";
import { accountAt } from "./account.ts";
import type { GitHostCredential, GitHostKind } from "./types.ts";

const never = new AbortController().signal;
const token = (text: string, username: string | null = null) => ({ kind: "token", username, token: text }) as const;

test("asks GitHub whose a token is, and says that a wrong one is", async () => {
  await using host = await startForge("github", { repositories: [] });
  const as = (text: string) =>
    accountAt({ host: host.host, kind: "github", apiUrl: host.apiUrl, credential: token(text) }, never, { retryGapMs: 1 });
  expect(await as(host.token)).not.toBe("");
  await expect(as("ghp_wrong")).rejects.toMatchObject({ kind: "unauthorized" });
});

/** A host that tells what it was asked. */
const startHost = async (answer: unknown) => {
  const asked: { url: string; authorization: string }[] = [];
  const server = createServer((request, response) => {
    asked.push({ url: request.url ?? "", authorization: request.headers.authorization ?? "" });
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const host = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  return { asked, host, [Symbol.asyncDispose]: async () => void server.close() };
};

const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});

test.each<[GitHostKind, string, unknown, GitHostCredential, { url: string; authorization: RegExp }]>([
  ["gitlab", "/api/v4", { username: "ada" }, token("t"), { url: "/api/v4/user", authorization: /^Bearer t$/ }],
  ["gitea", "/api/v1", { login: "ada" }, token("t"), { url: "/api/v1/user", authorization: /^token t$/ }],
  ["bitbucket", "/2.0", { nickname: "ada" }, token("t"), { url: "/2.0/user", authorization: /^Bearer t$/ }],
  ["bitbucket", "/2.0", { display_name: "ada" }, token("t", "me"), { url: "/2.0/user", authorization: /^Basic bWU6dA==$/ }],
  [
    "github",
    "",
    { slug: "ada", name: "Ada's" },
    { kind: "app", appId: "7", privateKey },
    { url: "/app", authorization: /^Bearer [\w-]+\.[\w-]+\.[\w-]+$/ },
  ],
])("asks %s%s in its own way", async (kind, path, answer, credential, expected) => {
  await using host = await startHost(answer);
  const found = accountAt({ host: host.host, kind, apiUrl: `http://${host.host}${path}`, credential }, never);
  expect(await found).toBe("ada");
  expect(host.asked).toEqual([{ url: expected.url, authorization: expect.stringMatching(expected.authorization) }]);
});
