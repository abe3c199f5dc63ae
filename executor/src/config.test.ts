import { describe, expect, it } from "vitest";
import { readConfig } from "./config.ts";

const base = { HOME: "/home/u", EXECUTOR_TOKEN: "secret" };
const configOf = (env: Record<string, string>) => {
  const result = readConfig({ ...base, ...env });
  if (!result.ok) throw new Error(result.message);
  return result.config;
};
const messageOf = (env: Record<string, string>) => {
  const result = readConfig({ ...base, ...env });
  return result.ok ? null : result.message;
};

describe("readConfig", () => {
  it("has the documented defaults", () => {
    expect(configOf({})).toEqual({
      listen: { kind: "tcp", host: "127.0.0.1", port: 4200 },
      token: "secret",
      variables: {},
      workspace: "/workspace",
      spoolFolder: expect.stringMatching(/^\/home\/u\/\.ccr-executor\/workspace-[0-9a-f]{12}$/),
      gateway: null,
      prewarm: { model: null, maxTurns: null, maxBudgetUsd: null, permissionMode: "bypassPermissions", asks: false },
      claudeExecutable: null,
      home: "/home/u",
      lifetimeMs: null,
      environment: { HOME: "/home/u" },
    });
  });

  it("reads its lifetime, and refuses what is none", () => {
    expect(configOf({ EXECUTOR_LIFETIME_SECONDS: "86400" })).toMatchObject({ lifetimeMs: 86_400_000 });
    for (const bad of ["0", "-1", "soon", "1e9", "1000000000"]) {
      expect(readConfig({ EXECUTOR_TOKEN: "t", EXECUTOR_LIFETIME_SECONDS: bad })).toMatchObject({
        ok: false,
        message: expect.stringMatching(/^EXECUTOR_LIFETIME_SECONDS: '/),
      });
    }
  });

  it("gives executors of different workspaces spools of their own, and one workspace always the same", () => {
    const spoolOf = (EXECUTOR_WORKSPACE: string) => configOf({ EXECUTOR_WORKSPACE }).spoolFolder;
    expect(new Set(["/a/work", "/b/work", "/a/work space", "/a/work_space"].map(spoolOf)).size).toBe(4);
    expect(spoolOf("/a/work")).toBe(spoolOf("/a/work"));
  });

  it("reads sockets, IPv6 addresses, the gateway and what to start in advance", () => {
    expect(configOf({ EXECUTOR_LISTEN: "[::1]:0" }).listen).toEqual({ kind: "tcp", host: "::1", port: 0 });
    expect(configOf({ EXECUTOR_LISTEN: "/doors/e.sock", EXECUTOR_SOCKET_MODE: "660" }).listen).toEqual({
      kind: "socket",
      path: "/doors/e.sock",
      mode: 0o660,
    });
    expect(configOf({ EXECUTOR_GATEWAY: "/doors/g.sock" }).gateway).toEqual({ socketPath: "/doors/g.sock", port: 3128 });
    expect(configOf({ EXECUTOR_PREWARM: "0", EXECUTOR_MODEL: "m" }).prewarm).toBeNull();
    expect(configOf({ EXECUTOR_MODEL: "m", EXECUTOR_MAX_TURNS: "7", EXECUTOR_MAX_BUDGET_USD: "0.5" }).prewarm).toEqual({
      model: "m",
      maxTurns: 7,
      maxBudgetUsd: 0.5,
      permissionMode: "bypassPermissions",
      asks: false,
    });
  });

  it("hands none of its own settings on, nor its compile cache", () => {
    const own = { EXECUTOR_TOKEN: "t", EXECUTOR_X: "y", NODE_COMPILE_CACHE: "/c" };
    expect(configOf({ ...own, PATH: "/bin" }).environment).toEqual({
      HOME: "/home/u",
      PATH: "/bin",
    });
  });

  it("asks for no token on a socket", () => {
    expect(readConfig({ HOME: "/h", EXECUTOR_LISTEN: "/doors/e.sock" })).toMatchObject({ ok: true, config: { token: null } });
  });

  it.each([
    [{ EXECUTOR_TOKEN: "" }, "EXECUTOR_TOKEN"],
    [{ EXECUTOR_TOKEN: "a b" }, "EXECUTOR_TOKEN"],
    [{ EXECUTOR_LISTEN: "4200" }, "EXECUTOR_LISTEN"],
    [{ EXECUTOR_LISTEN: "host:99999" }, "EXECUTOR_LISTEN"],
    [{ EXECUTOR_LISTEN: "relative.sock" }, "EXECUTOR_LISTEN"],
    [{ EXECUTOR_LISTEN: `/${"x".repeat(107)}` }, "108 bytes"],
    [{ EXECUTOR_SOCKET_MODE: "rw" }, "EXECUTOR_SOCKET_MODE"],
    [{ EXECUTOR_WORKSPACE: "workspace" }, "EXECUTOR_WORKSPACE"],
    [{ EXECUTOR_SPOOL: "/workspace/spool" }, "inside the workspace"],
    [{ EXECUTOR_WORKSPACE: "/", EXECUTOR_SPOOL: "/spool" }, "inside the workspace"],
    [{ EXECUTOR_PREWARM: "yes" }, "EXECUTOR_PREWARM"],
    [{ EXECUTOR_MAX_TURNS: "1.5" }, "EXECUTOR_MAX_TURNS"],
    [{ EXECUTOR_MAX_TURNS: "0" }, "EXECUTOR_MAX_TURNS"],
    [{ EXECUTOR_MAX_BUDGET_USD: "-1" }, "EXECUTOR_MAX_BUDGET_USD"],
    [{ EXECUTOR_GATEWAY: "gateway.sock" }, "EXECUTOR_GATEWAY"],
    [{ EXECUTOR_GATEWAY: "/g", EXECUTOR_GATEWAY_PORT: "70000" }, "EXECUTOR_GATEWAY_PORT"],
  ])("refuses %j in one line that names it", (env, named) => {
    const message = messageOf(env);
    expect(message).toContain(named);
    expect(message).not.toContain("\n");
    expect(message).not.toContain("secret");
  });
});
