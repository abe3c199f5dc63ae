import { execFile } from "node:child_process";
import { mkdir, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { InstanceId, RunId, type SpoolEvent, spoolFileName } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { createPlaces } from "./places.ts";
import { workplaceAt } from "./workplace.ts";

const event = (seq: number): SpoolEvent => ({
  seq,
  at: "2026-01-01T00:00:00.000Z",
  source: "agent",
  body: { type: "assistant", n: seq },
});
const lines = (...seqs: number[]): string => seqs.map((seq) => `${JSON.stringify(event(seq))}\n`).join("");

const id = InstanceId.parse("inst_0123456789");

const place = async () => {
  const folder = await temporaryFolder();
  const places = createPlaces({
    machine: "here",
    instances: folder.join("instances"),
    doors: folder.join("doors"),
  });
  const made = workplaceAt(places.of(id));
  await places.make(made);
  const left = async (after: number): Promise<SpoolEvent[]> => Array.fromAsync(places.leftSpool(made, after));
  return { folder, places, made, left, spool: `${made.spool}/${spoolFileName(1)}` };
};

describe("what is left of a spool", () => {
  it("gives the events that are not stored yet", async () => {
    const { folder, left, spool } = await place();
    await using _ = folder;
    await writeFile(spool, lines(1, 2, 3, 4));
    expect(await left(2)).toEqual([event(3), event(4)]);
    expect(await left(4)).toEqual([]);
  });

  it("stops before a cut last line, a line that is no event, and a gap", async () => {
    const { folder, left, spool } = await place();
    await using _ = folder;
    await writeFile(spool, `${lines(1, 2)}{"seq":3,"at"`);
    expect(await left(0)).toEqual([event(1), event(2)]);
    await writeFile(spool, `${lines(1)}{"seq":2,"source":"root"}\n${lines(3)}`);
    expect(await left(0)).toEqual([event(1)]);
    await writeFile(spool, lines(1, 2, 4));
    expect(await left(0)).toEqual([event(1), event(2)]);
  });

  it("goes on over the files of a spool, also when the first ones were acknowledged and are gone", async () => {
    const { folder, made, left } = await place();
    await using _ = folder;
    const file = (first: number, ...seqs: number[]) => writeFile(`${made.spool}/${spoolFileName(first)}`, lines(...seqs));
    await file(3, 3, 4);
    await file(5, 5, 6);
    await file(9, 9);
    await writeFile(`${made.spool}/state.json`, "{}");
    expect(await left(2)).toEqual([event(3), event(4), event(5), event(6)]);
    expect(await left(5)).toEqual([event(6)]);
    expect(await left(0)).toEqual([]);
    expect(await left(8)).toEqual([event(9)]);
  });

  it("holds a bounded piece of a file that has no line end at all", async () => {
    const { folder, left, spool } = await place();
    await using _ = folder;
    // Sparse: it takes no disk, and longer than any string can be.
    await writeFile(spool, "");
    await truncate(spool, 1024 * 1024 * 1024);
    expect(await left(0)).toEqual([]);
  });

  it("takes nothing for an event that would tell an outcome", async () => {
    const { folder, left, spool } = await place();
    await using _ = folder;
    const forged = {
      seq: 2,
      at: "2026-01-01T00:00:00.000Z",
      source: "runner",
      body: { type: "status", status: "succeeded", sentence: "x" },
    };
    await writeFile(spool, `${lines(1)}${JSON.stringify(forged)}\n`);
    expect(await left(0)).toEqual([event(1)]);
  });

  it("follows no link that the agent put in its place, and needs no file", async () => {
    const { folder, left, spool } = await place();
    await using _ = folder;
    expect(await left(0)).toEqual([]);
    await writeFile(folder.join("secret"), lines(1));
    await symlink(folder.join("secret"), spool);
    expect(await left(0)).toEqual([]);
    await rm(spool);
    await mkdir(spool);
    expect(await left(0)).toEqual([]);
  });
});

describe("the folders of a sandbox", () => {
  it("go with what is in them, but not with what a link in them names", async () => {
    const { folder, places, made } = await place();
    await using _ = folder;
    await writeFile(folder.join("precious"), "kept");
    await symlink(folder.path, `${made.workspace}/out`);
    expect(await places.list()).toEqual([id]);
    expect(await places.has(made)).toBe(true);
    await places.remove(made);
    await places.remove(made);
    expect(await places.list()).toEqual([]);
    expect(await places.has(made)).toBe(false);
    expect(await readFile(folder.join("precious"), "utf8")).toBe("kept");
    await expect(stat(made.root)).rejects.toThrow("ENOENT");
    await expect(stat(made.doors)).rejects.toThrow("ENOENT");
  });

  it("go when they are nested deeper than a path is long", async () => {
    const { folder, places, made } = await place();
    await using _ = folder;
    const nest = 'for i in $(seq 60); do mkdir "$0" && cd -P "$0" || exit 1; done; touch file';
    await promisify(execFile)("bash", ["-c", nest, "d".repeat(200)], { cwd: made.workspace });
    await places.remove(made);
    await expect(stat(made.root)).rejects.toThrow("ENOENT");
  });

  it("leave the workspace to the person, and say where it is", async () => {
    const { folder, places, made } = await place();
    await using _ = folder;
    await writeFile(`${made.workspace}/work.txt`, "hours of it");
    const run = RunId.parse("run_0123456789");
    expect(await places.findKept(made, run)).toBeNull();
    const kept = await places.keepWorkspace(made, run);
    // Whoever was cut after it asks again.
    expect(await places.keepWorkspace(made, run)).toBe(kept);
    expect(await places.findKept(made, run)).toBe(kept);
    await places.remove(made);
    expect(await readFile(`${kept}/work.txt`, "utf8")).toBe("hours of it");
    expect(await places.keepWorkspace(made, RunId.parse("run_0123456780"))).toBeNull();
  });
});
