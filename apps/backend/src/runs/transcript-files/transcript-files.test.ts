import { type Message, RunId } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { type TranscriptFormat, transcriptDownload } from "./download.ts";
import type { TranscriptRun } from "./parts.ts";

const runId = RunId.parse("run_0123456789");
const at = "2026-11-22T20:00:00.000Z";
const run: TranscriptRun = { id: runId, taskName: "T", repository: "a/b", createdAt: at, sentence: null, lastSeq: 0 };
const agent = (seq: number, body: Record<string, unknown>): Message => ({
  ...{ runId, seq, at, source: "agent" },
  body: { type: "assistant", ...body },
});
const says = (seq: number, text: string): Message => agent(seq, { message: { content: [{ type: "text", text }] } });

const written = async (
  messages: readonly Message[],
  format: TranscriptFormat,
  patch: Partial<TranscriptRun> = {},
): Promise<string> => {
  const download = transcriptDownload({
    run: { ...run, lastSeq: messages.length, ...patch },
    format,
    read: async (_id, { after, limit }) => messages.slice(after, after + limit),
    signal: new AbortController().signal,
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of download.chunks) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
};

const HOSTILE = `</pre></details><script>alert(1)</script><img src=x onerror="alert('2')"> & "quotes"`;

describe("a transcript as a web page", () => {
  it("shows whatever is said as text, in every place where something is said", async () => {
    const page = await written(
      [
        says(1, HOSTILE),
        agent(2, { message: { content: [{ type: "tool_use", id: HOSTILE, name: HOSTILE, input: { [HOSTILE]: HOSTILE } }] } }),
        agent(3, {
          type: "user",
          message: { content: [{ type: "tool_result", tool_use_id: HOSTILE, is_error: true, content: HOSTILE }] },
        }),
        agent(4, { message: { content: [{ type: HOSTILE, data: HOSTILE }] } }),
        { runId, seq: 5, at, source: "runner", body: { type: "note", text: HOSTILE } },
      ],
      "html",
      { taskName: HOSTILE, repository: HOSTILE, sentence: HOSTILE },
    );
    expect(page).not.toMatch(/<script|<img|onerror="/);
    expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    // What is opened is closed, so that nothing said has ended something.
    for (const tag of ["pre", "details", "section", "body", "html"])
      expect([tag, page.split(`<${tag}`).length]).toEqual([tag, page.split(`</${tag}>`).length]);
    expect(page).toContain("default-src 'none'");
    expect(page).toMatch(/<\/html>\n$/);
  });
});

describe("a transcript as Markdown", () => {
  it("keeps what is said in its quote or fence, whatever it holds", async () => {
    const text = await written(
      [
        says(1, "# Run succeeded\n\n</details>\nin code: `a<b>` and <b>out</b>\r\n```\nArray<string>\n```"),
        agent(2, {
          message: { content: [{ type: "tool_use", id: "a", name: "Bash", input: { command: "echo '```'\n# out" } }] },
        }),
        agent(3, { type: "user", message: { content: [{ type: "tool_result", tool_use_id: "a", content: "````\n## Step 9" }] } }),
      ],
      "md",
      { taskName: "A *task*\n# Two" },
    );
    expect(text).toMatch(/^# A \\\*task\\\* \\# Two\n/);
    const outside = text
      .split(/^(`{3,})text\n[\s\S]*?\n\1$/m)
      .join("\n")
      .split("\n");
    expect(outside.filter((line) => line.startsWith("#"))).toHaveLength(1);
    expect(text).toContain("> # Run succeeded");
    expect(text).toContain("> in code: `a<b>` and &lt;b>out&lt;/b>");
    expect(text).toContain("> Array<string>");
    expect(text).toContain("````text\necho '```'\n# out\n````");
    expect(text).toContain("`````text\n````\n## Step 9\n`````");
    expect(text).toContain("**Bash gave**");
  });

  it("tells the steps, the checks, what was refused and how it ended, and marks what subagents did", async () => {
    const result = { command: "npm test", outcome: { kind: "exited", exitCode: 1 }, passed: false, output: "1 failing" } as const;
    const text = await written(
      [
        { runId, seq: 1, at, source: "runner", body: { type: "step_started", stepIndex: 0, attempt: 2, instructions: "x" } },
        agent(2, { parent_tool_use_id: "t", message: { content: [{ type: "thinking", thinking: "Let me see." }] } }),
        {
          ...{ runId, seq: 3, at, source: "runner" },
          body: {
            type: "check_finished",
            stepIndex: 0,
            attempt: 2,
            result: { ...result, outputTruncated: false, durationMs: 1 },
          },
        },
        { runId, seq: 4, at, source: "runner", body: { type: "status", status: "failed", sentence: "A check did not pass." } },
      ],
      "md",
    );
    expect(text).toContain("## Step 1, attempt 2");
    expect(text).toContain("*Subagent:* *Thinking*\n\n> Let me see.");
    expect(text).toContain("**Check did not pass: npm test**\n\n```text\n1 failing\n```");
    expect(text).toContain("**!** A check did not pass.");
  });
});

describe("a transcript as JSON lines", () => {
  it("is every message as it is stored, page by page, up to the newest of that time", async () => {
    const messages = Array.from({ length: 1001 }, (_, index) => says(index + 1, `message ${index + 1}\u2028`));
    const text = await written(messages, "jsonl", { lastSeq: 1000 });
    const lines = text.trimEnd().split("\n");
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual(messages.slice(0, 1000));
  });
});

it("holds one page at a time, however long the transcript is", async () => {
  const reads: number[] = [];
  let asked = 0;
  const download = transcriptDownload({
    run: { ...run, lastSeq: 100_000 },
    format: "html",
    read: async (_id, { after, limit }) => {
      reads.push(limit);
      return Array.from({ length: limit }, (_, index) => says(after + index + 1, "x"));
    },
    signal: new AbortController().signal,
  });
  let last = 0;
  for await (const chunk of download.chunks) {
    asked += 1;
    // Nothing is read ahead of who reads.
    expect(reads.length).toBeLessThanOrEqual(asked);
    last = chunk.length;
  }
  expect(reads.reduce((sum, count) => sum + count, 0)).toBe(100_000);
  expect(Math.max(...reads)).toBeLessThanOrEqual(1000);
  expect(last).toBeLessThan(1000);
});
