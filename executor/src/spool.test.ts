import { appendFile, readFile, truncate, writeFile } from "node:fs/promises";
import { SpoolEvent, spoolFileName } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { Spool, type SpoolBody } from "./spool.ts";

const agent = (text: string, session = "s1"): SpoolBody => ({
  source: "agent",
  body: { type: "assistant", session_id: session, text },
});
const started = (executionId: string): SpoolBody => ({
  source: "runner",
  body: { type: "execution_started", executionId, prompt: "p" },
});
const ended = (executionId: string): SpoolBody => ({
  source: "runner",
  body: { type: "execution_ended", executionId, outcome: { kind: "interrupted" } },
});

const collect = async (chunks: AsyncIterable<Buffer>): Promise<SpoolEvent[]> => {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(Buffer.from(chunk));
  const text = Buffer.concat(all).toString("utf8");
  return text === ""
    ? []
    : text
        .replace(/\n$/, "")
        .split("\n")
        .map((line) => SpoolEvent.parse(JSON.parse(line)));
};
const never = new AbortController().signal;
const readAll = (spool: Spool, after = 0) => collect(spool.read({ after, end: () => spool.lastSeq, signal: never }));
const seqs = (events: SpoolEvent[]) => events.map((event) => event.seq);

describe("Spool", () => {
  it("numbers events from 1 without gaps, in the order of the calls, and gives them back", async () => {
    await using folder = await temporaryFolder();
    await using spool = await Spool.open(folder.path);
    const spooled = await Promise.all(Array.from({ length: 1000 }, (_, index) => spool.append(agent(`text ${index}`))));
    expect(spooled.map(({ seq }) => seq)).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1));
    const events = await readAll(spool);
    expect(seqs(events)).toEqual(spooled.map(({ seq }) => seq));
    expect(events[999]).toMatchObject({ source: "agent", body: { text: "text 999" } });
    expect(spool.bytes).toBe((await readFile(folder.join(spoolFileName(1)))).length);
  });

  it("resumes after any number with exactly the rest", async () => {
    await using folder = await temporaryFolder();
    await using spool = await Spool.open(folder.path);
    for (let index = 0; index < 40; index += 1) {
      await Promise.all(Array.from({ length: 50 }, () => spool.append(agent("x".repeat((index * 37) % 5000)))));
    }
    for (const after of [0, 1, 255, 256, 257, 1023, 1998, 1999, 2000]) {
      expect(seqs(await readAll(spool, after))).toEqual(Array.from({ length: 2000 - after }, (_, index) => after + index + 1));
    }
  });

  it("is not visible before it is on disk, and follows live until the end is known", async () => {
    await using folder = await temporaryFolder();
    await using spool = await Spool.open(folder.path);
    let end: number | null = null;
    const following = collect(spool.read({ after: 0, end: () => end, signal: never }));
    await spool.append(agent("one"));
    const second = spool.append(agent("two"));
    expect(spool.lastSeq).toBe(1);
    end = (await second).seq;
    spool.wake();
    await spool.append(agent("behind the end"));
    expect(seqs(await following)).toEqual([1, 2]);
  });

  it("stops following when the reader leaves", async () => {
    await using folder = await temporaryFolder();
    await using spool = await Spool.open(folder.path);
    await spool.append(agent("one"));
    const leaving = new AbortController();
    const following = collect(spool.read({ after: 0, end: () => null, signal: leaving.signal }));
    leaving.abort();
    expect(seqs(await following)).toEqual([1]);
  });

  it("cuts off a torn last line at the start and goes on numbering", async () => {
    await using folder = await temporaryFolder();
    {
      await using spool = await Spool.open(folder.path);
      await spool.append(started("e1"));
      await spool.append(agent("whole"));
    }
    await appendFile(folder.join(spoolFileName(1)), '{"seq":3,"at":"2026-01-01T00:00:00.000Z","source":"agent","bo');
    await using spool = await Spool.open(folder.path);
    expect(spool.lastSeq).toBe(2);
    await spool.append(agent("next"));
    const events = await readAll(spool);
    expect(seqs(events)).toEqual([1, 2, 3]);
    expect(events[2]).toMatchObject({ body: { text: "next" } });
  });

  it("cuts off a last line that has its newline but not its bytes", async () => {
    await using folder = await temporaryFolder();
    {
      await using spool = await Spool.open(folder.path);
      await spool.append(agent("whole", "session-a"));
      await spool.append(agent("lost", "session-b"));
    }
    const path = folder.join(spoolFileName(1));
    const bytes = await readFile(path);
    await writeFile(path, Buffer.concat([bytes.subarray(0, bytes.length - 20), Buffer.alloc(19), Buffer.from("\n")]));
    await using spool = await Spool.open(folder.path);
    expect(spool.lastSeq).toBe(1);
    expect(spool.recovered.sessionId).toBe("session-a");
    expect(seqs(await readAll(spool))).toEqual([1]);
  });

  it("recovers executions and the conversation, and sees which one was cut short", async () => {
    await using folder = await temporaryFolder();
    {
      await using spool = await Spool.open(folder.path);
      for (const entry of [started("e1"), agent("a"), ended("e1"), agent("between"), started("e2"), agent("b", "s2")])
        await spool.append(entry);
    }
    await using spool = await Spool.open(folder.path);
    expect(spool.recovered.executions).toMatchObject([
      { executionId: "e1", firstSeq: 1, endSeq: 3, ending: "interrupted" },
      { executionId: "e2", firstSeq: 5, endSeq: null, ending: null },
    ]);
    expect(spool.recovered.sessionId).toBe("s2");
    const end = spool.recovered.executions[0]?.endSeq ?? 0;
    expect(seqs(await collect(spool.read({ after: 0, end: () => end, signal: never })))).toEqual([1, 2, 3]);
  });

  it("opens a file that was emptied or cut in the middle of its first line", async () => {
    await using folder = await temporaryFolder();
    {
      await using spool = await Spool.open(folder.path);
      await spool.append(agent("one"));
    }
    await truncate(folder.join(spoolFileName(1)), 10);
    await using spool = await Spool.open(folder.path);
    expect(spool.lastSeq).toBe(0);
    expect((await spool.append(agent("again"))).seq).toBe(1);
  });

  it("takes a line of 64 MB, and gives it in small pieces", async () => {
    await using folder = await temporaryFolder();
    const text = "y".repeat(64 * 1024 * 1024);
    {
      await using spool = await Spool.open(folder.path);
      await spool.append(agent("before"));
      await spool.append(agent(text));
      await spool.append(agent("after"));
      let largest = 0;
      let bytes = 0;
      for await (const chunk of spool.read({ after: 1, end: () => spool.lastSeq, signal: never })) {
        largest = Math.max(largest, chunk.length);
        bytes += chunk.length;
      }
      expect(bytes).toBeGreaterThan(text.length);
      expect(largest).toBeLessThanOrEqual(256 * 1024);
    }
    await using spool = await Spool.open(folder.path);
    expect(spool.lastSeq).toBe(3);
    expect(seqs(await readAll(spool, 2))).toEqual([3]);
  });

  it("rejects an event that cannot be JSON without losing a number", async () => {
    await using folder = await temporaryFolder();
    await using spool = await Spool.open(folder.path);
    let deep: unknown = 1;
    for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];
    const bad = spool.append({ source: "agent", body: { type: "deep", deep } });
    const good = spool.append(agent("fine"));
    await expect(bad).rejects.toMatchObject({ code: "unprocessable" });
    expect((await good).seq).toBe(1);
  });

  it("keeps what the JSON of an agent can hold: newlines, lone surrogates, __proto__, NUL", async () => {
    await using folder = await temporaryFolder();
    await using spool = await Spool.open(folder.path);
    const body = JSON.parse('{"type":"odd","__proto__":{"x":1},"text":"a\\nb\\u0000c\\ud800 d\\u2028"}');
    await spool.append({ source: "agent", body });
    const [line = ""] = (await readFile(folder.join(spoolFileName(1)), "utf8")).split("\n");
    expect(JSON.stringify(JSON.parse(line).body)).toBe(JSON.stringify(body));
  });

  it("costs the same for the first and the last of 100,000 events", async () => {
    await using folder = await temporaryFolder();
    await using spool = await Spool.open(folder.path);
    const round = async () => {
      const begin = performance.now();
      await Promise.all(Array.from({ length: 10_000 }, () => spool.append(agent("z".repeat(200)))));
      for (let after = spool.lastSeq - 5; after < spool.lastSeq; after += 1) await readAll(spool, after);
      return performance.now() - begin;
    };
    await round(); // warms up
    const times: number[] = [];
    for (let index = 0; index < 9; index += 1) times.push(await round());
    const median = (part: number[]) => part.toSorted((a, b) => a - b)[1] ?? 0;
    expect(spool.lastSeq).toBe(100_000);
    // Were any of it linear in the length, the last rounds would take several times as long.
    expect(median(times.slice(-3))).toBeLessThan(4 * median(times.slice(0, 3)) + 50);
  });
});
