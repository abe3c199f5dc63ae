import { readFileSync } from "node:fs";
import { projectRoot } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { describeActivity } from "./activity.ts";
import { deriveEntries, emptyTranscript, extendTranscript } from "./derive.ts";
import type { Entry } from "./entry.ts";
import { agent, answer, call, hears, only, says, transcriptOf, within } from "./sample-messages.ts";

const system = (subtype: string, more: Record<string, unknown> = {}) => agent({ type: "system", subtype, ...more });
const one = (...parts: Parameters<typeof transcriptOf>): Entry | undefined => deriveEntries(transcriptOf(...parts)).at(-1);
const uuid = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;

/** The kinds of messages that the types of the installed version name, apart from those that only pass between it and its host. */
const installedKinds = (): { type: string; subtype: string | null }[] => {
  const types = readFileSync(`${projectRoot}/node_modules/@anthropic-ai/claude-agent-sdk/sdk.d.ts`, "utf8").replaceAll("\r", "");
  const kinds = [
    ...types.matchAll(/export declare type SDK\w+(?:Message|Event) = \{\n {4}type: '(\w+)';(?:\n {4}subtype: '(\w+)';)?/g),
  ];
  return kinds.map(([, type = "", subtype]) => ({ type, subtype: subtype ?? null }));
};

describe("every kind of message of the installed version", () => {
  const kinds = installedKinds();

  test("is known", () => {
    expect(kinds.length).toBeGreaterThan(30);
    const unknown = kinds.filter(({ type, subtype }) => {
      if (type === "assistant" || type === "user") return false;
      const body = { type, ...(subtype === null ? {} : { subtype }) };
      return deriveEntries(transcriptOf(agent(body))).some(({ kind }) => kind === "unknown");
    });
    expect(unknown).toEqual([]);
  });

  test("may come in any shape", () => {
    const garbage: unknown[] = [7, null, "x", [], [null, 7, {}], { a: { b: [] } }, { __proto__: null }];
    const fields =
      "message content tasks files failed memories patch usage output errors rate_limit_info compact_metadata hook_id hook_name tool_use_id task_id supersedes retracted_message_uuids permission_denials modelUsage mcp_servers tools agents plugins tool_use_meta tool_result_meta value level status".split(
        " ",
      );
    for (const { type, subtype } of kinds) {
      for (const value of garbage) {
        const body = {
          ...Object.fromEntries(fields.map((field) => [field, value])),
          type,
          ...(subtype === null ? {} : { subtype }),
        };
        expect(() => deriveEntries(transcriptOf(agent(body), agent(body)))).not.toThrow();
      }
    }
  });
});

describe("what is taken back", () => {
  const answered = (id: number, text: string, more: Record<string, unknown> = {}) =>
    agent({
      type: "assistant",
      uuid: uuid(id),
      parent_tool_use_id: null,
      message: { content: [{ type: "text", text }] },
      ...more,
    });

  test("stays to be seen, and what takes its place follows", () => {
    const entries = deriveEntries(transcriptOf(answered(1, "No."), answered(2, "Yes.", { supersedes: [uuid(1), uuid(9), 7] })));
    expect(entries).toMatchObject([
      { kind: "retracted", key: "1", was: { kind: "text", text: "No." } },
      { kind: "text", text: "Yes." },
    ]);
    const refused = system("model_refusal_fallback", {
      original_model: "a",
      fallback_model: "b",
      content: "Refused.",
      retracted_message_uuids: [uuid(1)],
    });
    const after = deriveEntries(transcriptOf(answered(1, "No."), refused, refused));
    expect(after.map(({ kind }) => kind)).toEqual(["retracted", "notice", "notice"]);
    expect(after[1]).toMatchObject({ level: "warning", text: "a refused; b answers in its place.", more: "Refused." });
  });

  test("may be a subagent's call: what it goes on to do is still shown", () => {
    const started = agent({
      type: "assistant",
      uuid: uuid(1),
      message: { content: [call("a", "Task", { description: "Look" })] },
    });
    const entries = deriveEntries(
      transcriptOf(
        started,
        answered(2, "Anew.", { supersedes: [uuid(1)] }),
        within("a", says({ type: "text", text: "late" })),
        hears([answer("a", "done")]),
      ),
    );
    expect(entries.map(({ kind }) => kind)).toEqual(["retracted", "text", "text", "unknown"]);
  });
});

describe("summing up", () => {
  test("goes on until it is done, and only its own numbers and summary count", () => {
    const begun = transcriptOf(system("status", { status: "compacting" }));
    const going = extendTranscript(emptyTranscript(), begun);
    expect(going.entries).toMatchObject([{ kind: "compact", state: "going" }]);
    expect(describeActivity(going.activity)).toBe("Claude Code sums up the conversation");
    const twice = deriveEntries(
      transcriptOf(
        system("status", { status: "compacting" }),
        system("compact_boundary", { compact_metadata: { trigger: "auto", pre_tokens: 10, post_tokens: 1 } }),
        system("compact_boundary", { compact_metadata: { trigger: "manual", pre_tokens: 20, post_tokens: 2 } }),
        hears("This session is being continued from a previous conversation: two", { isSynthetic: true }),
      ),
    );
    expect(twice).toMatchObject([
      { kind: "compact", state: "done", tokensBefore: 10, summary: null },
      { kind: "compact", state: "done", trigger: "manual", tokensBefore: 20, summary: expect.stringContaining("two") },
    ]);
  });

  test("may fail, and says why", () => {
    expect(
      one(
        system("status", { status: "compacting" }),
        system("status", { status: null, compact_result: "failed", compact_error: "too long" }),
      ),
    ).toMatchObject({ kind: "compact", state: "failed", error: "too long" });
  });
});

describe("tasks in the background", () => {
  test("without a call of their own are lines; those that are housekeeping are none", () => {
    const entries = deriveEntries(
      transcriptOf(
        system("task_started", { task_id: "t", description: "watch" }),
        system("task_progress", { task_id: "t", description: "watching" }),
        system("task_notification", { task_id: "t", status: "failed", summary: "It broke" }),
        system("task_started", { task_id: "h", description: "tidy", skip_transcript: true }),
      ),
    );
    expect(entries).toMatchObject([
      { kind: "notice", level: "info", text: "A task began in the background: watch" },
      { kind: "notice", level: "warning", text: "A task in the background failed", more: "It broke" },
    ]);
  });

  test("are paused, go on and are stopped at their call, also when only their own id is told", () => {
    const states = ["paused", "running", "killed"].map((status) => system("task_updated", { task_id: "t", patch: { status } }));
    const seen = states.map(
      (_, index) =>
        only(
          deriveEntries(
            transcriptOf(
              says(call("a", "Agent", {})),
              system("task_started", { task_id: "t", tool_use_id: "a", is_backgrounded: true }),
              ...states.slice(0, index + 1),
            ),
          ),
          "tool",
        )[0]?.task,
    );
    expect(seen.map((task) => [task?.status, task?.endedAt !== null])).toEqual([
      ["paused", false],
      ["running", false],
      ["stopped", true],
    ]);
  });
});

test("a server tool of the model's API has its result among what the model says", () => {
  const [search] = only(
    deriveEntries(
      transcriptOf(
        says(
          { type: "server_tool_use", id: "s", name: "web_search", input: { query: "q" } },
          {
            type: "web_search_tool_result",
            tool_use_id: "s",
            content: [{ type: "web_search_result", title: "A", url: "https://a.test" }],
          },
        ),
        says(
          { type: "server_tool_use", id: "u", name: "web_search", input: { query: "q" } },
          {
            type: "web_search_tool_result",
            tool_use_id: "u",
            content: { type: "web_search_tool_result_error", error_code: "max_uses" },
          },
        ),
      ),
    ),
    "tool",
  );
  expect(search?.result).toMatchObject({ isError: false, others: [{ title: "A" }] });
});

test("images and documents that the agent is given are kept, and who gave a text is told", () => {
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } };
  const entries = deriveEntries(
    transcriptOf(
      hears([{ type: "text", text: "Look" }, image, { type: "document", title: "d" }]),
      hears("From afar", { origin: { kind: "peer", from: "x", name: "Worker" } }),
      hears("<task-notification><summary>It ended</summary></task-notification>"),
    ),
  );
  expect(only(entries, "prompt").map(({ text, from, images, others }) => [text, from, images.length, others.length])).toEqual([
    ["Look", null, 0, 0],
    ["", null, 1, 0],
    ["", null, 0, 1],
    ["From afar", "Worker", 0, 0],
    ["It ended", "a task in the background", 0, 0],
  ]);
});

test("small signals in a row stand together, and a flood of them is counted in full", () => {
  const flood = Array.from({ length: 120 }, () => system("session_state_changed", { state: "running" }));
  expect(one(...flood)).toMatchObject({ kind: "signals", count: 120, texts: { length: 50 } });
  expect(one(system("session_state_changed", { state: "requires_action" }))).toMatchObject({
    kind: "notice",
    level: "warning",
    text: "Claude Code waits for an answer.",
  });
});
