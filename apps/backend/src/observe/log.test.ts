import { describe, expect, it } from "vitest";
import { createLog, type LogOptions } from "./log.ts";
import { createMask } from "./mask.ts";

const TOKEN = "token-0123456789abcdef";
const PASSWORD = 'a "quoted" pass/word';

const collect = (options: Partial<LogOptions> = {}) => {
  const lines: string[] = [];
  const log = createLog({
    write: (line) => lines.push(line),
    format: "json",
    level: "info",
    mask: createMask([TOKEN, PASSWORD]),
    colours: false,
    now: () => new Date("2026-11-22T20:39:28.123Z"),
    ...options,
  });
  return { log, lines };
};
const parsed = (lines: string[]): unknown[] => lines.map((line) => JSON.parse(line));

/** An error as troubles make it: the secrets are in every part of it. */
const leakyError = (): Error =>
  Object.assign(new Error(`fetch of https://x:${TOKEN}@example.org failed`, { cause: new Error(`password is ${PASSWORD}`) }), {
    code: "E_LEAK",
    [TOKEN]: TOKEN,
  });

describe("the log as JSON", () => {
  it("writes one object per line, with time, level, text and fields", () => {
    const { log, lines } = collect();
    log("warn", "the door is\nnot open", { runId: "run_0000000001", tries: 2, nothing: undefined });
    expect(lines[0]).not.toContain("\n");
    expect(parsed(lines)).toEqual([
      { time: "2026-11-22T20:39:28.123Z", level: "warn", msg: "the door is\nnot open", runId: "run_0000000001", tries: 2 },
    ]);
  });

  it("tells an error with its stack, its code and its causes", () => {
    const { log, lines } = collect();
    log("error", "it broke", { error: leakyError() });
    expect(parsed(lines)).toMatchObject([
      {
        error: {
          name: "Error",
          code: "E_LEAK",
          stack: expect.stringContaining("log.test.ts"),
          cause: { message: "password is ***" },
        },
      },
    ]);
  });

  it("survives what JSON cannot hold", () => {
    const { log, lines } = collect();
    const loop: Record<string, unknown> = { big: 10n, nan: Number.NaN, when: new Date(Number.NaN), call: () => 1 };
    loop.self = loop;
    loop.deep = { a: { b: { c: { d: { e: { f: {} } } } } } };
    log("info", "odd", { loop, symbol: Symbol("x"), long: "y".repeat(100_000) });
    expect(parsed(lines)).toMatchObject([{ loop: { big: "10", nan: "NaN", self: "(itself)" }, symbol: "Symbol(x)" }]);
    expect(lines[0]?.length).toBeLessThan(20_000);
  });

  it("lets no field pass for its own time, level or text", () => {
    const { log, lines } = collect();
    log("info", "true", { level: "error", msg: "false", time: "never" });
    expect(parsed(lines)).toEqual([{ time: "2026-11-22T20:39:28.123Z", level: "info", msg: "true" }]);
  });

  it("stays JSON when what is hidden begins in the middle of an escape", () => {
    const { log, lines } = collect({ mask: createMask(["nothing-secret"]) });
    log("info", "\nothing-secret nothing-secret");
    expect(parsed(lines)).toMatchObject([{ msg: "\nothing-secret ***" }]);
  });
});

describe.each(["json", "text"] as const)("the log as %s", (format) => {
  it("never shows a secret, wherever it was", () => {
    const { log, lines } = collect({ format, level: "debug" });
    log("error", `token ${TOKEN}`, { error: leakyError(), list: [PASSWORD, { [TOKEN]: encodeURIComponent(PASSWORD) }] });
    log("debug", Buffer.from(`user:${TOKEN}`).toString("base64"), { [TOKEN]: 1, url: `postgres://u:${PASSWORD}@h/d` });
    const all = lines.join("\n");
    expect(lines).toHaveLength(2);
    expect(all).toContain("***");
    for (const secret of [
      TOKEN,
      PASSWORD,
      "quoted",
      encodeURIComponent(PASSWORD),
      Buffer.from(TOKEN).toString("base64").slice(4, 20),
    ]) {
      expect(all).not.toContain(secret);
    }
  });

  it("writes nothing below its level", () => {
    const { log, lines } = collect({ format, level: "warn" });
    log("debug", "a");
    log("info", "b");
    log("warn", "c");
    log("error", "d");
    expect(lines).toHaveLength(2);
  });

  it("shows what would command a terminal", () => {
    const { log, lines } = collect({ format });
    log("info", "evil \u001b[2J\u009b1m \u202egnp.exe", { name: "a\u0007b" });
    for (const code of ["\u001b", "\u009b", "\u202e", "\u0007"]) expect(lines.join()).not.toContain(code);
    expect(lines.join()).toContain("\\u001b[2J");
  });
});

describe("the log as text", () => {
  it("is a line for people, with an error's stack below it", () => {
    const { log, lines } = collect({ format: "text" });
    log("info", "started", { runId: "run_0000000001", error: undefined });
    log("error", "it broke", { error: leakyError() });
    expect(lines[0]).toBe("20:39:28 started runId=run_0000000001");
    expect(lines[1]).toMatch(/^20:39:28 error: it broke error=fetch of .*\n {4}Error: fetch of/);
    expect(lines[1]).toContain("\n    caused by: password is ***");
  });

  it("does not let a text forge another line", () => {
    const { log, lines } = collect({ format: "text" });
    log("info", "refused\n20:40:00 error: all is lost");
    expect(lines[0]).toBe("20:39:28 refused\n    20:40:00 error: all is lost");
  });
});
