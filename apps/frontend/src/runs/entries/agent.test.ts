import { describe, expect, test } from "vitest";
import { deriveEntries } from "./derive.ts";
import { flattenEntries } from "./rows.ts";
import { agent, answer, call, hears, only, says, transcriptOf, within } from "./sample-messages.ts";

describe("the agent's messages", () => {
  test("text, thinking and calls of one message become entries in order; empty text does not", () => {
    const entries = deriveEntries(
      transcriptOf(
        says(
          { type: "thinking", thinking: "hm" },
          { type: "text", text: "I look." },
          { type: "text", text: " \n" },
          call("t1", "Bash", { command: "ls" }),
        ),
      ),
    );
    expect(entries.map(({ kind, key }) => [kind, key])).toEqual([
      ["thinking", "1"],
      ["text", "1.1"],
      ["tool", "1.3"],
    ]);
  });

  test("a call gets its result, also when others come between; text blocks are joined and images kept apart", () => {
    const [first, second] = only(
      deriveEntries(
        transcriptOf(
          says(call("t1", "Bash", { command: "false" })),
          says(call("t2", "Read", { file_path: "/workspace/a.png" })),
          hears([
            answer("t2", [
              { type: "text", text: "one" },
              { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
              { type: "text", text: "two" },
            ]),
          ]),
          hears([answer("t1", "Exit code 1", true)], { tool_use_result: { stdout: "" } }),
        ),
      ),
      "tool",
    );
    expect(first?.result).toMatchObject({ seq: 4, text: "Exit code 1", isError: true, structured: { stdout: "" } });
    expect(second?.result).toMatchObject({
      seq: 3,
      text: "one\ntwo",
      isError: false,
      images: [{ mediaType: "image/png", base64: "AAAA" }],
    });
  });

  test("what a subagent does stands inside of the call that started it, also two levels deep", () => {
    const entries = deriveEntries(
      transcriptOf(
        says(call("a", "Agent", { description: "Look around", prompt: "Look" })),
        within("a", hears([{ type: "text", text: "Look" }])),
        within("a", says(call("b", "Task", { description: "Deeper" }))),
        says({ type: "text", text: "meanwhile" }),
        within("b", says(call("c", "Bash", { command: "pwd" }))),
        within("b", hears([answer("c", "/workspace")])),
        within("a", hears([answer("b", "done")])),
        hears([answer("a", "all done")]),
      ),
    );
    expect(flattenEntries(entries, () => true).map(({ entry, depth }) => [entry.kind, depth])).toEqual([
      ["tool", 0],
      ["prompt", 1],
      ["tool", 1],
      ["tool", 2],
      ["text", 0],
    ]);
    expect(flattenEntries(entries, () => false)).toHaveLength(2);
    const [outer] = only(entries, "tool");
    expect(outer?.result?.text).toBe("all done");
    const [inner] = only(outer?.children ?? [], "tool");
    expect(only(inner?.children ?? [], "tool")[0]?.result?.text).toBe("/workspace");
  });

  test("broken and unknown messages are kept raw, those of one kind in a row together", () => {
    const entries = deriveEntries(
      transcriptOf(
        agent({ type: "assistant", message: 7 }),
        agent({ type: "novelty", subtype: "x", a: 1 }),
        agent({ type: "novelty", subtype: "x", a: 2 }),
        hears([answer("never-called", "?")]),
        says({ type: "hologram" }),
        agent({ type: "system", subtype: "something_new" }),
        agent({ type: "stream_event" }),
      ),
    );
    expect(only(entries, "unknown").map(({ label, count }) => [label, count])).toEqual([
      ["assistant", 1],
      ["novelty/x", 2],
      ["user/tool_result", 1],
      ["assistant/hologram", 1],
      ["system/something_new", 1],
    ]);
    expect(entries).toHaveLength(5);
  });

  test("a flood of unknown messages is counted in full and kept in part", () => {
    const flood = Array.from({ length: 200 }, () => agent({ type: "novelty" }));
    const [entry] = only(deriveEntries(transcriptOf(...flood)), "unknown");
    expect([entry?.count, entry?.bodies.length]).toEqual([200, 50]);
  });

  test("a result tells its figures, and its error when it is one", () => {
    const [good, bad] = only(
      deriveEntries(
        transcriptOf(
          agent({
            type: "result",
            subtype: "success",
            is_error: false,
            total_cost_usd: 0.5,
            num_turns: 3,
            duration_ms: 900,
            result: "ok",
            usage: { input_tokens: 10, output_tokens: 2 },
          }),
          agent({ type: "result", subtype: "error_max_turns", is_error: true, errors: ["too many"] }),
        ),
      ),
      "result",
    );
    expect(good).toMatchObject({
      ok: true,
      costUsd: 0.5,
      turns: 3,
      durationMs: 900,
      inputTokens: 10,
      outputTokens: 2,
      errors: [],
    });
    expect(bad).toMatchObject({ ok: false, subtype: "error_max_turns", costUsd: null, errors: ["too many"] });
  });

  test("system messages: start, retries, compaction, refusals; noise is left out", () => {
    const entries = deriveEntries(
      transcriptOf(
        agent({ type: "system", subtype: "init", model: "m", claude_code_version: "2", cwd: "/workspace", tools: ["Bash", 1] }),
        agent({
          type: "system",
          subtype: "api_retry",
          attempt: 2,
          max_retries: 10,
          retry_delay_ms: 500,
          error_status: 529,
          error: "overloaded",
        }),
        agent({
          type: "system",
          subtype: "compact_boundary",
          compact_metadata: { trigger: "auto", pre_tokens: 9000, post_tokens: 100 },
        }),
        agent({ type: "system", subtype: "permission_denied", tool_name: "Bash", message: "no" }),
        agent({ type: "system", subtype: "hook_started" }),
        agent({ type: "rate_limit_event", rate_limit_info: { status: "allowed" } }),
        agent({ type: "rate_limit_event", rate_limit_info: { status: "rejected" } }),
      ),
    );
    expect(entries.map(({ kind }) => kind)).toEqual(["init", "retry", "compact", "notice", "hook", "signals", "rate_limit"]);
    expect(only(entries, "init")[0]?.tools).toEqual(["Bash"]);
    expect(only(entries, "retry")[0]).toMatchObject({ attempt: 2, maxRetries: 10, delayMs: 500, status: 529 });
    expect(only(entries, "notice")[0]?.text).toBe("Bash was not allowed: no");
  });

  test("what is told again for each prompt is shown once, and a turn's cost is its own", () => {
    const init = agent({
      type: "system",
      subtype: "init",
      session_id: "s",
      model: "m",
      claude_code_version: "2",
      cwd: "/w",
      tools: [],
    });
    const result = (sum: number) => agent({ type: "result", subtype: "success", session_id: "s", total_cost_usd: sum });
    const entries = deriveEntries(
      transcriptOf(
        init,
        result(0.5),
        agent({ type: "command_lifecycle", state: "queued" }),
        agent({ type: "system", subtype: "ui_invalidate" }),
        init,
        result(0.75),
        agent({
          type: "system",
          subtype: "init",
          session_id: "s",
          model: "other",
          claude_code_version: "2",
          cwd: "/w",
          tools: [],
        }),
      ),
    );
    expect(entries.map(({ kind }) => kind)).toEqual(["init", "result", "result", "init"]);
    expect(only(entries, "result").map(({ costUsd }) => costUsd)).toEqual([0.5, 0.25]);
  });

  test("hostile keys and shapes do no harm", () => {
    const hostile: unknown = JSON.parse('{"__proto__":{"polluted":true},"todos":"x","command":{"a":1}}');
    const entries = deriveEntries(
      transcriptOf(says(call("__proto__", "Bash", hostile)), hears([answer("__proto__", { a: 1 })]), says(null, 5, "text", [])),
    );
    expect(only(entries, "tool")[0]?.result?.text).toBe("");
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });
});
