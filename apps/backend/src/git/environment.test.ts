import { spawnSync } from "node:child_process";
import { parseRepository } from "@ccr/protocol";
import { expect, test } from "vitest";
import { gitEnvironment, usesProxy } from "./environment.ts";
import { tokenForGitHub } from "./testing/token-for.ts";

const TOKEN = "ghp_verySecret123";

const environmentFor = async (text: string, server: Record<string, string> = {}) => {
  const parsed = parseRepository(text);
  if (!parsed.ok) throw new Error(parsed.message);
  const options = {
    address: parsed.address,
    pinned: ["10.0.0.1", "::1"],
    credential: await tokenForGitHub(TOKEN)(parsed.address, new AbortController().signal),
    globalConfig: null,
    stallSeconds: 5,
  };
  return gitEnvironment({ ...options, server });
};

/** What git itself finds when it looks for a credential. */
const credential = async (text: string, asked: string): Promise<string> =>
  spawnSync("git", ["credential", "fill"], { env: await environmentFor(text), input: `${asked}\n\n`, encoding: "utf8" }).stdout;

test("git finds the token for github.com over https, and for nothing else", async () => {
  expect(await credential("octo/hello", "protocol=https\nhost=github.com")).toContain(
    `username=x-access-token\npassword=${TOKEN}`,
  );
  for (const asked of [
    "protocol=http\nhost=github.com",
    "protocol=https\nhost=github.com:8443",
    "protocol=https\nhost=evil.github.com",
    "protocol=https\nhost=github.com.evil.test",
    "protocol=https\nhost=example.com",
  ]) {
    expect([asked, await credential("octo/hello", asked)]).toEqual([asked, ""]);
  }
  for (const text of [
    "https://example.com/a",
    "http://github.com/a/b",
    "https://github.com:8443/a/b",
    "https://github.com.evil.test/a/b",
    "git@github.com:a/b",
    "/srv/a",
  ]) {
    expect([text, JSON.stringify(await environmentFor(text)).includes(TOKEN)]).toEqual([text, false]);
    expect([text, await credential(text, "protocol=https\nhost=github.com")]).toEqual([text, ""]);
  }
});

test("the token stands in one variable of its own, never in a setting", async () => {
  const holders = Object.entries(await environmentFor("octo/hello")).filter(([, value]) => value.includes(TOKEN));
  expect(holders).toEqual([["CCR_GIT_PASSWORD", TOKEN]]);
});

const setting = async (text: string, key: string): Promise<string> =>
  spawnSync("git", ["config", "--get", key], { env: await environmentFor(text), cwd: "/", encoding: "utf8" }).stdout.trim();

test("git takes the one transport, the pinned addresses, no hooks and no redirects", async () => {
  expect(await setting("https://example.com/a", "http.curloptResolve")).toBe("example.com:443:10.0.0.1,::1");
  expect(await setting("https://example.com/a", "protocol.allow")).toBe("never");
  expect(await setting("https://example.com/a", "protocol.https.allow")).toBe("always");
  expect(await setting("https://example.com/a", "protocol.http.allow")).toBe("");
  expect(await setting("git@example.com:a", "protocol.ssh.allow")).toBe("always");
  expect(await setting("/srv/a", "protocol.file.allow")).toBe("always");
  expect(await setting("https://example.com/a", "core.hooksPath")).toBe("/dev/null");
  expect(await setting("https://example.com/a", "http.followRedirects")).toBe("false");
  for (const text of ["ext::sh -c id", "https://example.com/a"]) {
    const { stderr } = spawnSync("git", ["ls-remote", "--", text], { env: await environmentFor("/srv/a"), encoding: "utf8" });
    expect(stderr).toMatch(/transport '(ext|https)' not allowed/);
  }
});

test("of the server's environment only what git needs is handed on", async () => {
  const server = { PATH: "/bin", HOME: "/home/me", ANTHROPIC_API_KEY: "sk-secret", GIT_DIR: "/x", HTTPS_PROXY: "http://proxy:1" };
  const environment = await environmentFor("https://example.com/a", server);
  expect(environment).toMatchObject({ PATH: "/bin", HOME: "/home/me", HTTPS_PROXY: "http://proxy:1" });
  expect(environment).not.toHaveProperty("ANTHROPIC_API_KEY");
  expect(environment).not.toHaveProperty("GIT_DIR");
});

test("knows when git goes through a proxy", () => {
  const uses = (text: string, server: Record<string, string>) => {
    const parsed = parseRepository(text);
    return parsed.ok && usesProxy(parsed.address, server);
  };
  expect(uses("https://example.com/a", {})).toBe(false);
  expect(uses("https://example.com/a", { HTTPS_PROXY: "http://p:1" })).toBe(true);
  expect(uses("https://example.com/a", { all_proxy: "http://p:1" })).toBe(true);
  expect(uses("http://example.com/a", { HTTP_PROXY: "http://p:1" })).toBe(false); // curl takes only the lower-case one
  expect(uses("http://example.com/a", { http_proxy: "http://p:1" })).toBe(true);
  expect(uses("https://git.example.com/a", { https_proxy: "http://p:1", NO_PROXY: "localhost, .example.com" })).toBe(false);
  expect(uses("https://example.org/a", { https_proxy: "http://p:1", no_proxy: "example.com" })).toBe(true);
  expect(uses("git@example.com:a", { all_proxy: "http://p:1" })).toBe(false);
});
