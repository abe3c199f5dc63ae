import { describe, expect, test } from "vitest";
import { deriveEntries, emptyTranscript, extendTranscript } from "./derive.ts";
import type { ToolEntry } from "./entry.ts";
import { recorded } from "./recorded/recorded.ts";
import { flattenEntries } from "./rows.ts";
import { only } from "./sample-messages.ts";

const derive = (scenario: string) => deriveEntries(recorded(scenario));
const tools = (scenario: string): ToolEntry[] => only(derive(scenario), "tool");
const kinds = (scenario: string): string[] => derive(scenario).map(({ kind }) => kind);

describe("what the real Claude Code says", () => {
  test("is all understood: no message is left raw, and every call has its result", () => {
    for (const scenario of [
      "tools",
      "mcp",
      "sub",
      "ask",
      "plan",
      "deny",
      "hooks",
      "slash",
      "nb",
      "interrupt",
      "errors",
      "turns",
    ]) {
      const rows = flattenEntries(derive(scenario), () => true).map(({ entry }) => entry);
      expect([scenario, rows.filter(({ kind }) => kind === "unknown")]).toEqual([scenario, []]);
      const open = only(rows, "tool").filter(({ result }) => result === null);
      expect([scenario, open]).toEqual([scenario, []]);
    }
  });

  test("is the same whether it comes at once or message by message", () => {
    for (const scenario of ["sub", "slash", "hooks", "plan"]) {
      let transcript = emptyTranscript();
      for (const message of recorded(scenario)) transcript = extendTranscript(transcript, [message]);
      expect(transcript.entries).toEqual(derive(scenario));
    }
  });

  test("a failed command keeps its words, and a tool that does not exist is told without tags", () => {
    const [bash, background] = tools("tools");
    expect(bash?.result).toMatchObject({ isError: true, text: expect.stringContaining("Exit code 3\n\u001b[38;5;208m") });
    expect(background?.task).toMatchObject({ id: "b1ytkq5nv", status: "running", inBackground: true, endedAt: null });
    expect(tools("tools").find(({ name }) => name === "NotAThing")?.result?.text).toBe(
      "Error: No such tool available: NotAThing",
    );
    expect(only(derive("tools"), "thinking")).toMatchObject([
      { text: "Let me look.", redacted: false, tokens: 4, durationMs: 1 },
    ]);
  });

  test("an MCP tool has the names that its server gives, its image apart, and not the line that stands for it", () => {
    const [draw, fail] = tools("mcp");
    expect(draw).toMatchObject({ name: "mcp__shapes__draw", title: { server: "shapes", tool: "Draw" } });
    expect(draw?.result?.images).toMatchObject([{ mediaType: "image/png" }]);
    expect(draw?.result?.text).not.toContain("[Image: source");
    expect(draw?.result?.text).toContain("[Resource link: x]");
    expect(fail?.result).toMatchObject({ isError: true, text: expect.stringContaining("it broke") });
  });

  test("subagents hold what they did; one in the background is known to have ended", () => {
    const [first, background] = tools("sub");
    expect(first?.children.map(({ kind }) => kind)).toEqual(["prompt", "tool"]);
    expect(first?.task).toMatchObject({ status: "completed", inBackground: false, report: "Sub **done**." });
    expect(background?.task).toMatchObject({
      status: "completed",
      inBackground: true,
      startedAt: expect.any(String),
      endedAt: expect.any(String),
    });
    expect(background?.children.map(({ kind }) => kind)).toEqual(["text", "tool", "text"]);
  });

  test("a call that was not allowed says why, and the end of the turn names it", () => {
    const [bash, read] = tools("deny");
    expect([bash?.denied, read?.denied]).toEqual([
      expect.stringContaining("Permission to use Bash has been denied"),
      expect.stringContaining("Permission to use Read has been denied"),
    ]);
    expect(only(derive("deny"), "result")[0]?.denials).toEqual([
      { name: "Bash", subject: "touch x" },
      { name: "Read", subject: "/etc/passwd" },
    ]);
    expect(tools("plan")[0]?.denied).toContain("Classifier unavailable");
    expect(only(derive("plan"), "notice").map(({ level, text }) => [level, text.slice(0, 21)])).toEqual([
      ["warning", "Auto mode can't check"],
      ["info", "Permission mode: defa"],
    ]);
  });

  test("hooks are one entry each, from their start to how they ended", () => {
    expect(only(derive("hooks"), "hook").map(({ name, state, exitCode, output }) => [name, state, exitCode, output])).toEqual([
      ["PreToolUse:Bash", "success", 0, "hookerr\nhookout\n"],
      ["PostToolUse:Bash", "error", 2, "bad\n"],
      ["Stop", "success", 0, "stop\n"],
    ]);
  });

  test("summing up is one entry with its numbers and its summary; slash commands are told apart from the model", () => {
    expect(only(derive("slash"), "compact")).toMatchObject([
      {
        state: "done",
        trigger: "manual",
        tokensBefore: 12445,
        tokensAfter: 2782,
        durationMs: 25,
        summary: expect.stringContaining("This session is being continued"),
      },
    ]);
    expect(only(derive("slash"), "command").map(({ name, output }) => [name, output?.trim().split("\n", 1)[0]])).toEqual([
      ["", "Compacted"],
      ["/context", "## Context Usage"],
      ["/usage", "Estimated cost:        $0.1770"],
    ]);
    expect(only(derive("slash"), "result").map(({ command }) => command)).toEqual([
      null,
      "compact",
      "context",
      "cost",
      null,
      null,
    ]);
    expect(only(derive("slash"), "prompt")).toEqual([]);
  });

  test("an interruption, a limit and a failing API end a turn each in its own way, and nothing is said twice", () => {
    expect(kinds("interrupt")).toEqual(["tool", "result"]);
    expect(tools("interrupt")[0]?.result?.interrupted).toBe(true);
    expect(tools("interrupt")[0]?.denied).toBeNull();
    expect(only(derive("turns"), "result")).toMatchObject([{ ok: false, subtype: "error_max_turns", reason: "max_turns" }]);
    expect(only(derive("budget"), "result")).toMatchObject([{ ok: false, subtype: "error_max_budget_usd" }]);
    expect(kinds("errors")).toEqual(["retry", "retry", "text", "result"]);
    expect(only(derive("errors"), "text")).toMatchObject([{ error: "server_error" }]);
    expect(only(derive("errors"), "result")).toMatchObject([{ ok: false, apiStatus: 529, errors: [] }]);
    expect(only(derive("so"), "result")).toMatchObject([{ ok: true, structured: { passed: true } }]);
  });

  test("the newer list of todos is read from the results of its calls", () => {
    const { todos } = extendTranscript(emptyTranscript(), recorded("old"));
    expect(todos).toEqual([{ id: "1", text: "One", activeText: null, status: "in_progress" }]);
    expect(tools("old").map(({ name, about }) => [name, about])).toEqual([
      ["TaskCreate", null],
      ["TaskUpdate", "One"],
      ["TaskList", null],
      ["TaskGet", "One"],
    ]);
  });
});
