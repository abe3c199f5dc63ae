import { execFile } from "node:child_process";
import { mkdir, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { InstanceId, RunId, SPOOL_FILE, type SpoolEvent } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import {
  keepWorkspace,
  makeWorkplace,
  readLeftSpool as readLeft,
  removeFolder,
  removeWorkplace,
  workplaceOf,
} from "./workplace.ts";

const event = (seq: number): SpoolEvent => ({
  seq,
  at: "2026-01-01T00:00:00.000Z",
  source: "agent",
  body: { type: "assistant", n: seq },
});
const lines = (...seqs: number[]): string => seqs.map((seq) => `${JSON.stringify(event(seq))}\n`).join("");

const readLeftSpool = async (...given: Parameters<typeof readLeft>): Promise<SpoolEvent[]> => {
  const events: SpoolEvent[] = [];
  for await (const event of readLeft(...given)) events.push(event);
  return events;
};

const place = async () => {
  const folder = await temporaryFolder();
  const made = workplaceOf(
    { instances: folder.join("instances"), doors: folder.join("doors"), audit: folder.join("audit"), kept: folder.join("kept") },
    InstanceId.parse("inst_0123456789"),
  );
  await makeWorkplace(made);
  return { folder, made, spool: `${made.spool}/${SPOOL_FILE}` };
};

describe("readLeftSpool", () => {
  it("gives the events that are not stored yet", async () => {
    const { folder, made, spool } = await place();
    await using _ = folder;
    await writeFile(spool, lines(1, 2, 3, 4));
    expect(await readLeftSpool(made, 2)).toEqual([event(3), event(4)]);
    expect(await readLeftSpool(made, 4)).toEqual([]);
  });

  it("stops before a cut last line, a line that is no event, and a gap", async () => {
    const { folder, made, spool } = await place();
    await using _ = folder;
    await writeFile(spool, `${lines(1, 2)}{"seq":3,"at"`);
    expect(await readLeftSpool(made, 0)).toEqual([event(1), event(2)]);
    await writeFile(spool, `${lines(1)}{"seq":2,"source":"root"}\n${lines(3)}`);
    expect(await readLeftSpool(made, 0)).toEqual([event(1)]);
    await writeFile(spool, lines(1, 2, 4));
    expect(await readLeftSpool(made, 0)).toEqual([event(1), event(2)]);
  });

  it("holds a bounded piece of a file that has no line end at all", async () => {
    const { folder, made, spool } = await place();
    await using _ = folder;
    // Sparse: it takes no disk, and longer than any string can be.
    await writeFile(spool, "");
    await truncate(spool, 1024 * 1024 * 1024);
    expect(await readLeftSpool(made, 0)).toEqual([]);
  });

  it("takes nothing for an event that would tell an outcome", async () => {
    const { folder, made, spool } = await place();
    await using _ = folder;
    const forged = {
      seq: 2,
      at: "2026-01-01T00:00:00.000Z",
      source: "runner",
      body: { type: "status", status: "succeeded", sentence: "x" },
    };
    await writeFile(spool, `${lines(1)}${JSON.stringify(forged)}\n`);
    expect(await readLeftSpool(made, 0)).toEqual([event(1)]);
  });

  it("follows no link that the agent put in its place, and needs no file", async () => {
    const { folder, made, spool } = await place();
    await using _ = folder;
    expect(await readLeftSpool(made, 0)).toEqual([]);
    await writeFile(folder.join("secret"), lines(1));
    await symlink(folder.join("secret"), spool);
    expect(await readLeftSpool(made, 0)).toEqual([]);
    await rm(spool);
    await mkdir(spool);
    expect(await readLeftSpool(made, 0)).toEqual([]);
  });
});

describe("removeWorkplace", () => {
  it("removes what is in the folders, but not what a link in them names", async () => {
    const { folder, made } = await place();
    await using _ = folder;
    await writeFile(folder.join("precious"), "kept");
    await symlink(folder.path, `${made.workspace}/out`);
    await removeWorkplace(made);
    await removeWorkplace(made);
    expect(await readFile(folder.join("precious"), "utf8")).toBe("kept");
    await expect(stat(made.root)).rejects.toThrow("ENOENT");
    await expect(stat(made.doors)).rejects.toThrow("ENOENT");
  });
});

describe("removeFolder", () => {
  it("removes what is nested deeper than a path is long", async () => {
    await using folder = await temporaryFolder();
    const deep = folder.join("deep");
    const nest = 'for i in $(seq 60); do mkdir "$0" && cd -P "$0" || exit 1; done; touch file';
    await mkdir(deep);
    await promisify(execFile)("bash", ["-c", nest, "d".repeat(200)], { cwd: deep });
    await removeFolder(deep);
    await expect(stat(deep)).rejects.toThrow("ENOENT");
  });
});

describe("keepWorkspace", () => {
  it("puts the workspace aside, and says where", async () => {
    const { folder, made } = await place();
    await using _ = folder;
    await writeFile(`${made.workspace}/work.txt`, "hours of it");
    const folders = {
      instances: folder.join("instances"),
      doors: folder.join("doors"),
      audit: folder.join("audit"),
      kept: folder.join("kept"),
    };
    const kept = await keepWorkspace(folders, made, RunId.parse("run_0123456789"));
    await removeWorkplace(made);
    expect(await readFile(`${kept}/work.txt`, "utf8")).toBe("hours of it");
    expect(await keepWorkspace(folders, made, RunId.parse("run_0123456780"))).toBeNull();
  });
});
