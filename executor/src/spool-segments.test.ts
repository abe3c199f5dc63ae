import { appendFile, link, mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { firstSeqOfSpoolFile, SpoolEvent, spoolFileName } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { Spool, type SpoolBody } from "./spool.ts";

const never = new AbortController().signal;
const runner = (body: Extract<SpoolBody, { source: "runner" }>["body"]): SpoolBody => ({ source: "runner", body });
const started = (executionId: string) => runner({ type: "execution_started", executionId, prompt: "p" });
const ended = (executionId: string) => runner({ type: "execution_ended", executionId, outcome: { kind: "interrupted" } });
const agent = (text: string): SpoolBody => ({
  source: "agent",
  body: { type: "assistant", session_id: "s1", uuid: `u-${text.slice(0, 8)}`, text },
});
/** Three of them fill a file. */
const large = (name: string) => agent(`${name} ${"x".repeat(1_500_000)}`);

const segments = async (folder: string): Promise<number[]> =>
  (await readdir(folder)).flatMap((name) => firstSeqOfSpoolFile(name) ?? []).sort((a, b) => a - b);
const read = async (spool: Spool, after: number): Promise<SpoolEvent[]> => {
  const chunks: Buffer[] = [];
  for await (const chunk of spool.read({ after, end: () => spool.lastSeq, signal: never })) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString("utf8").split("\n");
  expect(lines.pop()).toBe("");
  return lines.map((line) => SpoolEvent.parse(JSON.parse(line)));
};
const seqs = async (spool: Spool, after: number) => (await read(spool, after)).map(({ seq }) => seq);
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);
const fill = async (folder: string, events: number): Promise<void> => {
  await using spool = await Spool.open(folder);
  for (let n = 1; n <= events; n += 1) await spool.append(large(`e${n}`));
};

describe("the spool's files", () => {
  it("begins a new one about every 4 MiB, and reads over them from any number", async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path, 12);
    await using spool = await Spool.open(folder.path);
    expect(await segments(folder.path)).toEqual([1, 4, 7, 10]);
    for (let after = 0; after <= 12; after += 1) expect(await seqs(spool, after)).toEqual(range(after + 1, 12));
    expect(spool.bytes).toBeGreaterThan(12 * 1_500_000);
  });

  it("removes whole files that were acknowledged, and answers conflict for what is gone", async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path, 12);
    await using spool = await Spool.open(folder.path);
    const before = spool.bytes;
    expect(await spool.ack(5)).toBe(5);
    expect(await segments(folder.path)).toEqual([4, 7, 10]);
    expect(spool.bytes).toBeLessThan(before);
    expect(() => spool.assertReadable(4)).toThrow(/acknowledged.*after 5/);
    await expect(read(spool, 0)).rejects.toMatchObject({ code: "conflict" });
    expect(await seqs(spool, 5)).toEqual(range(6, 12));
    expect(await spool.ack(2)).toBe(5);
    await expect(spool.ack(13)).rejects.toMatchObject({ code: "bad_request" });
    expect(await Promise.all([spool.ack(7), spool.ack(12), spool.ack(9)])).toEqual([12, 12, 12]);
    expect(await segments(folder.path)).toEqual([10]);
    expect(await seqs(spool, 12)).toEqual([]);
    expect((await spool.append(agent("next"))).seq).toBe(13);
  });

  it.each(["kept", "removed by somebody", "cut to nothing"])(
    "never gives a number again, with the last file %s",
    async (fate) => {
      await using folder = await temporaryFolder();
      await fill(folder.path, 8);
      {
        await using spool = await Spool.open(folder.path);
        await spool.ack(8);
      }
      const [last = 0] = await segments(folder.path);
      if (fate === "removed by somebody") await rm(folder.join(spoolFileName(last)));
      if (fate === "cut to nothing") await truncate(folder.join(spoolFileName(last)), 0);
      for (let round = 0; round < 3; round += 1) {
        await using spool = await Spool.open(folder.path);
        expect(spool).toMatchObject({ lastSeq: 8 + round, ackedSeq: 8 });
        expect((await spool.append(agent("more"))).seq).toBe(9 + round);
        expect(await seqs(spool, 8)).toEqual(range(9, 9 + round));
      }
    },
  );

  it("never takes a judge's conversation for the agent's, however much it said", async () => {
    await using folder = await temporaryFolder();
    const judge = (n: number): SpoolBody => ({
      source: "agent",
      judges: true,
      body: { type: "assistant", session_id: "judge", uuid: `j-${n}` },
    });
    {
      await using spool = await Spool.open(folder.path);
      for (const event of [started("e1"), agent("one"), ended("e1"), started("j1")]) await spool.append(event);
      for (let n = 0; n < 100; n += 1) await spool.append(judge(n));
      await spool.append(ended("j1"));
    }
    {
      await using spool = await Spool.open(folder.path);
      expect(spool.recovered).toMatchObject({ sessionId: "s1", turnUuids: ["u-one"] });
      const events = await read(spool, 0);
      expect(events.filter((event) => event.source === "agent" && event.judges === true)).toHaveLength(100);
      await spool.append(judge(100));
      await spool.ack(50);
    }
    // Also when only the note of what was acknowledged tells of the agent.
    await rm(folder.join(spoolFileName(1)));
    await using spool = await Spool.open(folder.path);
    expect(spool.recovered).toMatchObject({ sessionId: "s1", turnUuids: ["u-one"] });
  });

  it("remembers executions and the conversation of events that are gone", async () => {
    await using folder = await temporaryFolder();
    {
      await using spool = await Spool.open(folder.path);
      for (const event of [started("e1"), agent("one"), ended("e1"), started("e2")]) await spool.append(event);
      for (let n = 0; n < 4; n += 1) await spool.append(large(`f${n}`));
      await spool.append(ended("e2"));
      await spool.append(started("e3"));
      await spool.ack(9);
      expect(await segments(folder.path)).toEqual([8]);
    }
    await using spool = await Spool.open(folder.path);
    expect(spool.recovered).toEqual({
      executions: [
        { executionId: "e1", firstSeq: 1, endSeq: 3, ending: "interrupted" },
        { executionId: "e2", firstSeq: 4, endSeq: 9, ending: "interrupted" },
        { executionId: "e3", firstSeq: 10, endSeq: null, ending: null },
      ],
      sessionId: "s1",
      turnUuids: ["u-one", "u-f0 xxxxx", "u-f1 xxxxx", "u-f2 xxxxx", "u-f3 xxxxx"],
    });
  });

  it("finishes a removal that a death cut short", async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path, 9);
    await mkdir(folder.join("kept"));
    for (const first of await segments(folder.path)) {
      await link(folder.join(spoolFileName(first)), folder.join("kept", spoolFileName(first)));
    }
    {
      await using spool = await Spool.open(folder.path);
      await spool.ack(6);
    }
    // As if it had been killed after the checkpoint was written, and before the files were removed.
    for (const first of [1, 4]) await rename(folder.join("kept", spoolFileName(first)), folder.join(spoolFileName(first)));
    await using spool = await Spool.open(folder.path);
    expect(await segments(folder.path)).toEqual([7]);
    expect(await seqs(spool, 6)).toEqual([7, 8, 9]);
    expect(spool.ackedSeq).toBe(6);
  });

  it("knows what was acknowledged even when the checkpoint is lost", async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path, 8);
    {
      await using spool = await Spool.open(folder.path);
      await spool.ack(4);
    }
    await writeFile(folder.join("checkpoint.json"), "{ torn");
    await using spool = await Spool.open(folder.path);
    expect(spool).toMatchObject({ ackedSeq: 3, lastSeq: 8 });
    expect(await seqs(spool, 3)).toEqual(range(4, 8));
  });

  it("takes over the single file of an earlier version, torn as it is", async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path, 2);
    await rename(folder.join(spoolFileName(1)), folder.join("spool.ndjson"));
    await appendFile(folder.join("spool.ndjson"), '{"seq":3,"at":"2026-01-01T00:');
    await using spool = await Spool.open(folder.path);
    expect(await segments(folder.path)).toEqual([1]);
    expect(await readdir(folder.path)).not.toContain("spool.ndjson");
    expect((await spool.append(agent("next"))).seq).toBe(3);
    expect(await seqs(spool, 0)).toEqual([1, 2, 3]);
  });

  it("says which events are missing when a file in the middle was removed, and goes on behind it", async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path, 9);
    await rm(folder.join(spoolFileName(4)));
    await using spool = await Spool.open(folder.path);
    expect(spool.lastSeq).toBe(9);
    const reading = spool.read({ after: 0, end: () => spool.lastSeq, signal: never });
    let bytes = 0;
    await expect(
      (async () => {
        for await (const chunk of reading) bytes += chunk.length;
      })(),
    ).rejects.toMatchObject({ code: "conflict", message: expect.stringContaining("events 4 to 6 are missing") });
    expect(bytes).toBeGreaterThan(3 * 1_500_000);
    expect(() => spool.assertReadable(4)).toThrow(/events 5 to 6 are missing.*Go on after 6/);
    expect(await seqs(spool, 6)).toEqual([7, 8, 9]);
    expect((await spool.append(agent("next"))).seq).toBe(10);
  });

  it("passes over garbage in the folder", async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path, 4);
    await writeFile(folder.join(spoolFileName(2)), "nothing that belongs here\n");
    await writeFile(folder.join(spoolFileName(7)), "");
    await writeFile(folder.join(spoolFileName(70)), '{"seq":1}\n{"seq":2}\n');
    await writeFile(folder.join(spoolFileName(0)), "");
    await writeFile(folder.join("spool-x.ndjson"), "garbage");
    await mkdir(folder.join(spoolFileName(90)));
    await symlink("/etc/passwd", folder.join(spoolFileName(95)));
    await using spool = await Spool.open(folder.path);
    expect(spool.lastSeq).toBe(4);
    expect((await spool.append(agent("next"))).seq).toBe(5);
    expect(await seqs(spool, 0)).toEqual(range(1, 5));
    expect(await readFile("/etc/passwd", "utf8")).not.toBe("");
  });

  it("does not follow a link that somebody put where the next file belongs", async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path, 3);
    await writeFile(folder.join("precious"), "precious");
    await symlink(folder.join("precious"), folder.join(spoolFileName(4)));
    await using spool = await Spool.open(folder.path);
    await expect(spool.append(agent("next"))).rejects.toMatchObject({ code: "internal" });
    expect(await readFile(folder.join("precious"), "utf8")).toBe("precious");
    await rm(folder.join(spoolFileName(4)));
    expect((await spool.append(agent("next"))).seq).toBe(4);
  });

  it("lets a reader finish the file that is removed under it, and then tells it what is gone", async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path, 12);
    await using spool = await Spool.open(folder.path);
    const reading = spool.read({ after: 0, end: () => spool.lastSeq, signal: never });
    const first = await reading.next();
    const chunks: Buffer[] = first.done === true ? [] : [first.value];
    await spool.ack(9);
    expect(await segments(folder.path)).toEqual([10]);
    await expect(
      (async () => {
        for await (const chunk of reading) chunks.push(chunk);
      })(),
    ).rejects.toMatchObject({ code: "conflict", message: expect.stringContaining("acknowledged") });
    const lines = Buffer.concat(chunks).toString("utf8").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).seq)).toEqual([1, 2, 3]);
  });

  it("keeps one file open for writing and one for each reader, however many there are", async () => {
    await using folder = await temporaryFolder();
    const open = async () => (await readdir("/proc/self/fd")).length;
    const before = await open();
    await using spool = await Spool.open(folder.path);
    for (let n = 1; n <= 30; n += 1) await spool.append(large(`e${n}`));
    expect(await open()).toBeLessThanOrEqual(before + 1);
    const reading = spool.read({ after: 0, end: () => spool.lastSeq, signal: never });
    let most = 0;
    for await (const _ of reading) most = Math.max(most, await open());
    expect(most).toBeLessThanOrEqual(before + 2);
    expect(await open()).toBeLessThanOrEqual(before + 1);
  });
});
