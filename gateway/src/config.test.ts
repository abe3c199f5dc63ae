import { describe, expect, test } from "vitest";
import { readConfig } from "./config.ts";

const base = { GATEWAY_CONTROL: "/tmp/control.sock" };

describe("readConfig", () => {
  test("reads the key, defaults to Anthropic, and leaves no secret in the environment", () => {
    const env: NodeJS.ProcessEnv = {
      ...base,
      ANTHROPIC_API_KEY: " sk-1\n",
      CLAUDE_CODE_OAUTH_TOKEN: "oa",
      ANTHROPIC_AUTH_TOKEN: "at",
      PATH: "/bin",
    };
    const config = readConfig(env);
    expect(config.upstream.baseUrl.href).toBe("https://api.anthropic.com/");
    expect(config.upstream.credential).toEqual({ kind: "api_key", secret: "sk-1" });
    expect(env).toEqual({ ...base, PATH: "/bin" });
  });

  test.each([
    [
      { CLAUDE_CODE_OAUTH_TOKEN: "oa", ANTHROPIC_API_KEY: "" },
      { kind: "oauth_token", secret: "oa" },
    ],
    [{ ANTHROPIC_AUTH_TOKEN: "at" }, { kind: "bearer_token", secret: "at" }],
  ])("takes %j", (variables, credential) => {
    expect(readConfig({ ...base, ...variables }).upstream.credential).toEqual(credential);
  });

  test("takes a loopback upstream with a path prefix, which is the operator's choice", () => {
    const config = readConfig({ ...base, ANTHROPIC_API_KEY: "sk", ANTHROPIC_BASE_URL: "http://127.0.0.1:8080/anthropic/" });
    expect(config.upstream.baseUrl.href).toBe("http://127.0.0.1:8080/anthropic/");
  });

  test.each([
    [{}, /No credential/],
    [{ ANTHROPIC_API_KEY: "sk" }, /GATEWAY_CONTROL: is not set/],
    [{ ANTHROPIC_API_KEY: "sk", GATEWAY_CONTROL: "relative.sock" }, /GATEWAY_CONTROL: must be an absolute path/],
    [{ ANTHROPIC_API_KEY: "sk", GATEWAY_CONTROL: `/${"x".repeat(107)}` }, /107 bytes/],
    [{ ...base, ANTHROPIC_API_KEY: "sk", ANTHROPIC_BASE_URL: "api.anthropic.com" }, /ANTHROPIC_BASE_URL: must be/],
    [{ ...base, ANTHROPIC_API_KEY: "sk", ANTHROPIC_BASE_URL: "file:///etc/passwd" }, /ANTHROPIC_BASE_URL: must be/],
    [{ ...base, ANTHROPIC_API_KEY: "sk", ANTHROPIC_BASE_URL: "https://user:pw@x.test" }, /ANTHROPIC_BASE_URL: must be/],
  ])("refuses %j with one line", (env, message) => {
    expect(() => readConfig(env)).toThrow(message);
  });

  test("never quotes a credential that it refuses", () => {
    const read = () => readConfig({ ...base, ANTHROPIC_API_KEY: "sk-secret with space" });
    expect(read).toThrow(/ANTHROPIC_API_KEY has characters/);
    expect(read).not.toThrow(/sk-secret/);
  });
});
