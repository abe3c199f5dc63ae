import { expect, test } from "vitest";
import { gatewayDigest } from "./digest.ts";

const environment = { PATH: "/bin", ANTHROPIC_API_KEY: "sk-0123456789", ANTHROPIC_BASE_URL: "http://127.0.0.1:9" };

test("is the same for the same gateway, in whatever order and shell it is asked for", async () => {
  const digest = await gatewayDigest(environment);
  expect(await gatewayDigest(Object.fromEntries(Object.entries(environment).toReversed()))).toBe(digest);
  expect(await gatewayDigest({ ...environment, PATH: "/elsewhere" })).toBe(digest);
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
});

test("differs with the credential, its kind, the upstream and every other variable", async () => {
  const others = [
    { ...environment, ANTHROPIC_API_KEY: "sk-0123456788" },
    { PATH: "/bin", CLAUDE_CODE_OAUTH_TOKEN: "sk-0123456789", ANTHROPIC_BASE_URL: "http://127.0.0.1:9" },
    { ...environment, ANTHROPIC_BASE_URL: "http://127.0.0.1:99" },
    { ...environment, NODE_EXTRA_CA_CERTS: "/ca.pem" },
    { ...environment, NODE_EXTRA_CA_CERTS: "" },
  ];
  const digests = await Promise.all([environment, ...others].map(gatewayDigest));
  expect(new Set(digests).size).toBe(others.length + 1);
});
