import { describe, expect, it } from "vitest";
import { agentEnvironment, commandEnvironment, judgeEnvironment } from "./environment.ts";

const inherited = {
  PATH: "/bin",
  LANG: "C.UTF-8",
  ANTHROPIC_API_KEY: "real-key",
  ANTHROPIC_AUTH_TOKEN: "real-token",
  ANTHROPIC_BASE_URL: "https://elsewhere.test",
  ANTHROPIC_MODEL: "some-model",
  CLAUDE_CODE_OAUTH_TOKEN: "real-oauth",
  CLAUDE_CODE_USE_BEDROCK: "1",
  CLAUDE_CODE_MAX_OUTPUT_TOKENS: "100",
  GITHUB_TOKEN: "real-github",
  AWS_SECRET_ACCESS_KEY: "real-aws",
  DB_PASSWORD: "real-password",
  HTTPS_PROXY: "http://old:1",
};
const gatewayUrl = "http://127.0.0.1:3128";

describe("commandEnvironment", () => {
  it("holds no credential and nothing that is meant for Claude Code", () => {
    expect(commandEnvironment(inherited, { gatewayUrl: null, mark: "m" })).toEqual({
      PATH: "/bin",
      LANG: "C.UTF-8",
      HTTPS_PROXY: "http://old:1",
      CCR_EXECUTOR_COMMAND: "m",
    });
  });

  it("leads to the gateway", () => {
    expect(commandEnvironment(inherited, { gatewayUrl, mark: "m" })).toMatchObject({
      HTTP_PROXY: gatewayUrl,
      HTTPS_PROXY: gatewayUrl,
      https_proxy: gatewayUrl,
    });
  });
});

describe("agentEnvironment", () => {
  it("passes the usual variables on when there is no gateway", () => {
    const env = agentEnvironment({ ...inherited, CLAUDECODE: "1" }, { gatewayUrl: null, isRoot: false, mark: "m" });
    expect(env).toMatchObject({
      ANTHROPIC_API_KEY: "real-key",
      ANTHROPIC_BASE_URL: "https://elsewhere.test",
      CLAUDE_CODE_USE_BEDROCK: "1",
    });
    expect(env).not.toHaveProperty("CLAUDECODE");
    expect(env).not.toHaveProperty("IS_SANDBOX");
  });

  it("takes every credential and every other way out when there is one", () => {
    const env = agentEnvironment(inherited, { gatewayUrl, isRoot: true, mark: "m" });
    expect(JSON.stringify(env)).not.toMatch(/real-|elsewhere|old:1|BEDROCK/);
    expect(env).toMatchObject({
      ANTHROPIC_BASE_URL: gatewayUrl,
      ANTHROPIC_API_KEY: "sandbox",
      ANTHROPIC_MODEL: "some-model",
      CLAUDE_CODE_MAX_OUTPUT_TOKENS: "100",
      IS_SANDBOX: "1",
      NO_PROXY: "127.0.0.1,localhost",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
    });
  });
});

describe("judgeEnvironment", () => {
  it("is the agent's, but is found by a mark of its own and takes no memory in", () => {
    const { CCR_EXECUTOR_AGENT, ...agent } = agentEnvironment(inherited, { gatewayUrl, isRoot: true, mark: "m" });
    expect(CCR_EXECUTOR_AGENT).toBe("m");
    const judge = judgeEnvironment({ ...agent, CCR_EXECUTOR_AGENT: "m" });
    expect(judge).toEqual({
      ...agent,
      CCR_EXECUTOR_JUDGE: "m",
      CLAUDE_CODE_DISABLE_AUTO_MEMORY: "1",
      ENABLE_TOOL_SEARCH: "false",
    });
  });
});
