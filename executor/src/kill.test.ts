import { readdir, readFile } from "node:fs/promises";
import { firstSeqOfSpoolFile, type SpoolEvent } from "@ccr/protocol";
import { type TemporaryFolder, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { bash, execute, lastSeq, say, setUp } from "./testing/claude.ts";
import { assertNoGap, collect, outcomeOf, type TestExecutor } from "./testing/executor.ts";

/** Numbers that are the same in each run of a seed (mulberry32). */
const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

interface Turn {
  uuid: string;
  text: string;
}
/** What Claude Code itself remembers: the witness for what must be in the spool. */
const remembered = async (folder: TemporaryFolder): Promise<Turn[]> => {
  const root = folder.join("home/.claude/projects");
  const turns: Turn[] = [];
  for (const project of await readdir(root)) {
    for (const name of (await readdir(`${root}/${project}`)).filter((each) => each.endsWith(".jsonl"))) {
      for (const line of (await readFile(`${root}/${project}/${name}`, "utf8")).split("\n").slice(0, -1)) {
        const entry = JSON.parse(line);
        const isTurn =
          entry.type === "assistant" || (entry.type === "user" && JSON.stringify(entry.message).includes("tool_result"));
        const text = JSON.stringify(entry.message?.content ?? null);
        // What Claude Code puts in the place of a result or an answer that it never had, when it goes on with a conversation.
        const isMadeUp = entry.message?.model === "<synthetic>" || text.includes("[Tool call interrupted:");
        if (isTurn && !isMadeUp) turns.push({ uuid: entry.uuid, text });
      }
    }
  }
  return turns;
};
const told = (events: readonly SpoolEvent[]): Turn[] =>
  events.flatMap(({ source, body }) =>
    source === "agent" && (body.type === "assistant" || body.type === "user")
      ? [{ uuid: String(body.uuid), text: JSON.stringify(body.message).slice(0, 500) }]
      : [],
  );

describe("an executor that is killed at any moment", () => {
  it("has in its spool, once and without a gap, all that Claude Code remembers", { timeout: 300_000 }, async () => {
    const next = random(20261123);
    const commands = Array.from({ length: 25 }, (_, n) => bash(`echo out-${n}`, `turn ${n}`));
    await using test = await setUp({ "Go on": [say("I went on.")], Go: [...commands, say("all done")] });
    let { executor }: { executor: TestExecutor } = test;
    let after = 0;
    let salvaged = 0;
    const seen: SpoolEvent[] = [];
    for (let round = 0; round < 8; round += 1) {
      const executionId = `round-${round}`;
      const events = (await executor.stream("POST", `/execute?after=${after}`, { prompt: "Go", executionId }))[
        Symbol.asyncIterator
      ]();
      const stopAt = 2 + Math.floor(next() * 40);
      const got: SpoolEvent[] = [];
      while (got.length < stopAt) {
        const event = await events.next();
        if (event.done === true) break;
        got.push(event.value);
      }
      // The last events may be on their way when it dies.
      const before = performance.now();
      const delayMs = next() * 30;
      await waitFor(() => performance.now() - before >= delayMs, { intervalMs: 1, what: "the moment" });
      await executor.end("SIGKILL");
      executor = await test.start();
      const all = await collect(await executor.stream("GET", `/execute?after=${after}`));
      // What was given out is what it is now.
      expect(all.slice(0, got.length)).toEqual(got);
      assertNoGap(all, after + 1);
      const ended = all.filter(({ body }) => body.type === "execution_ended");
      expect(ended).toHaveLength(1);
      seen.push(...all);
      const mine = told(seen).map(({ uuid }) => uuid);
      expect(new Set(mine).size).toBe(mine.length);
      const missing = (await remembered(test.folder)).filter(({ uuid }) => !mine.includes(uuid));
      expect(missing).toEqual([]);
      // Told live, a message does not know yet how the answer that it belongs to ends; in the file it does.
      salvaged += all.filter(({ body }) => body.type === "assistant" && Object(body.message).stop_reason !== null).length;
      after = await lastSeq(executor);
      // Half of what there is may go: the numbers go on.
      if (next() < 0.5) await executor.ask("POST", "/ack", { seq: after });
    }
    expect(salvaged).toBeGreaterThan(0);
    const last = await execute(executor, { prompt: "Go on" });
    expect(outcomeOf(last)).toEqual({ kind: "completed", text: "I went on." });
    expect(last[0]?.seq).toBe(after + 1);
    await executor[Symbol.asyncDispose]();
  });

  it("numbers without a gap or a double over kills within floods and acknowledgements", { timeout: 300_000 }, async () => {
    const next = random(7);
    const { executorFolder, startExecutor } = await import("./testing/executor.ts");
    const env = { EXECUTOR_CLAUDE: new URL("./testing/wild-agent.mjs", import.meta.url).pathname };
    await using folder = await executorFolder();
    let after = 0;
    let acked = 0;
    const got = new Map<number, string>();
    for (let round = 0; round < 12; round += 1) {
      const executor = await startExecutor({ folder, env });
      const health = await executor.ask("GET", "/health");
      expect(health.json).toMatchObject({ state: "idle", ackedSeq: acked });
      // What was left behind by the one before, first: it is ended, and not a number is missing.
      for (const event of await collect(await executor.stream("GET", `/execute?after=${after}`))) {
        expect(event.seq).toBe(after + 1);
        after = event.seq;
        got.set(event.seq, JSON.stringify(event));
      }
      const events = (await executor.stream("POST", `/execute?after=${after}`, { prompt: "flood" }))[Symbol.asyncIterator]();
      const stopAt = Math.floor(next() * 20_000);
      const acks: Promise<unknown>[] = [];
      for (let count = 0; count < stopAt; count += 1) {
        const event = await events.next().catch(() => ({ done: true as const, value: undefined }));
        if (event.done === true) break;
        expect(event.value.seq).toBe(after + 1);
        after = event.value.seq;
        got.set(after, JSON.stringify(event.value));
        if (next() < 0.0005) {
          const seq = Math.max(acked, Math.floor(after - next() * 2_000));
          const asked = executor.ask("POST", "/ack", { seq });
          // The kill may cut it short before anybody waits for it.
          asked.catch(() => {});
          acks.push(asked);
          acked = Math.max(acked, seq);
        }
      }
      // Some of the acknowledgements are answered, the last may be cut short.
      if (next() < 0.5) await Promise.allSettled(acks);
      await executor.end("SIGKILL");
      await Promise.allSettled(acks);
      await using again = await startExecutor({ folder, env });
      const { json } = await again.ask("GET", "/health");
      expect(json).toMatchObject({ state: "idle" });
      const { ackedSeq, lastSeq: last } = Object(json);
      expect(ackedSeq).toBeLessThanOrEqual(acked);
      acked = ackedSeq;
      expect(last).toBeGreaterThanOrEqual(after);
      // What is still there is what was given out.
      for (const event of await collect(await again.stream("GET", `/execute?after=${acked}`))) {
        const known = got.get(event.seq);
        if (known !== undefined) expect(JSON.stringify(event)).toBe(known);
      }
      const names = (await readdir(folder.join("spool"))).flatMap((name) => firstSeqOfSpoolFile(name) ?? []);
      expect(names.filter((first) => first <= acked).length).toBeLessThanOrEqual(1);
    }
    expect(after).toBeGreaterThan(10_000);
  });
});
