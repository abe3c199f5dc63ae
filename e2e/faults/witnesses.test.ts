import { appendFile, mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { temporaryFolder, waitFor } from "@ccr/testkit";
import { expect, it } from "vitest";
import { lengthMs, planFault } from "./plan.ts";
import { PARTS } from "./processes.ts";
import { followSpools } from "./spools.ts";
import { openTail } from "./tail.ts";

const event = (seq: number, text = "x") =>
  `${JSON.stringify({ seq, at: "2026-01-01T00:00:00.000Z", source: "agent", body: { type: text } })}\n`;

it("a tail gives each whole line once, and tells of lines that are gone but not of a torn one", async () => {
  await using folder = await temporaryFolder();
  const path = folder.join("file");
  await writeFile(path, "one\ntw");
  await using tail = await openTail(path);
  expect(await tail.read()).toEqual({ lines: ["one"], shrank: false });
  await appendFile(path, "o\nthr");
  expect(await tail.read()).toEqual({ lines: ["two"], shrank: false });
  await truncate(path, 8);
  expect(await tail.read()).toEqual({ lines: [], shrank: false });
  await appendFile(path, "drei\n\u00e4\n");
  expect(await tail.read()).toEqual({ lines: ["drei", "\u00e4"], shrank: false });
  await truncate(path, 4);
  expect(await tail.read()).toEqual({ lines: [], shrank: true });
  const long = "y".repeat(3_000_000);
  await appendFile(path, `${long}\nend\n`);
  await rm(path);
  expect(await tail.read()).toEqual({ lines: [long, "end"], shrank: false });
});

it("spools are read on when their files and folders are gone, in the order of their pieces", async () => {
  await using folder = await temporaryFolder();
  const spool = folder.join("instances", "inst_a", "spool");
  await mkdir(spool, { recursive: true });
  await using spools = await followSpools({ instances: [folder.join("instances")], kept: folder.join("kept") });
  await writeFile(`${spool}/spool-000000000001.ndjson`, event(1) + event(2));
  await writeFile(`${spool}/state.json`, "{}");
  await waitFor(async () => (await spools.seen())[0]?.events.length === 2);
  await appendFile(`${spool}/spool-000000000001.ndjson`, event(3));
  await writeFile(`${spool}/spool-000000000004.ndjson`, `${event(4)}no event\n`);
  await waitFor(async () => (await spools.seen())[0]?.events.length === 4);
  await rm(spool, { recursive: true });
  const [seen] = await spools.seen();
  expect(seen?.events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  expect(seen?.problems).toEqual([expect.stringContaining("no event")]);
  expect(spools.instanceIds()).toEqual(["inst_a"]);
  await spools.forget("inst_a");
  expect(await spools.seen()).toEqual([]);
});

it("a plan follows from its seed, draws every part, and stops only what can be stopped", () => {
  const options = { seed: 7, parts: PARTS, freezeEvery: 5, pauseMs: 3000 };
  const plan = Array.from({ length: 300 }, (_, index) => planFault(options, index + 1));
  expect(plan).toEqual(plan.map(({ n }) => planFault(options, n)));
  expect(plan).not.toEqual(plan.map(({ n }) => planFault({ ...options, seed: 8 }, n)));
  const kills = plan.filter(({ kind }) => kind === "kill");
  expect(kills).toHaveLength(240);
  for (const part of PARTS) expect(kills.filter(({ order }) => order[0] === part).length).toBeGreaterThan(20);
  for (const planned of kills) {
    expect(planned.order.toSorted()).toEqual(PARTS.toSorted());
    expect(lengthMs(planned, "backend")).toBeLessThan(10_000);
  }
  expect(Math.max(...kills.map((planned) => lengthMs(planned, "database")))).toBeGreaterThan(30_000);
  for (const planned of plan) {
    if (planned.kind === "kill") continue;
    for (const part of ["sandbox", "engine", "database"]) expect(planned.order).not.toContain(part);
    for (const part of planned.order) expect(lengthMs(planned, part) > 30_000).toBe(part === "backend");
  }
});
