import { execFile } from "node:child_process";
import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { expectNothingWrong, lasting } from "./cases.ts";
import { startTrial } from "./trial.ts";

const run = promisify(execFile);
const FULL_MS = 10_000;

/** Writes until nothing more fits. */
const fill = async (file: string): Promise<void> => {
  for (const bytes of [1024 * 1024, 64 * 1024, 4096]) {
    const piece = Buffer.alloc(bytes, 1);
    for (let wrote = true; wrote; )
      wrote = await writeFile(file, piece, { flag: "a" }).then(
        () => true,
        () => false,
      );
  }
};

// Mounting needs root, as in CI; elsewhere there is no small disk to fill.
describe.runIf(process.getuid?.() === 0)("a disk that is full for a while", () => {
  it("loses nothing of a run that goes on, and ends it in no worse way than by saying so", async () => {
    await using folder = await temporaryFolder();
    const disk = folder.join("disk");
    await mkdir(disk);
    await run("/bin/mount", ["-t", "tmpfs", "-o", "size=96m", "tmpfs", disk]);
    try {
      await using trial = await startTrial({
        driver: "bubblewrap",
        seed: 4,
        script: { calls: 25, thinkMs: 60 },
        folder: disk,
        environment: { CCR_MIN_FREE_DISK_MB: "0" },
      });
      const first = await trial.launch();
      await trial.reached(first, 40);
      const filler = join(disk, "filler");
      await fill(filler);
      expect((await statfs(disk)).bavail * 4096).toBeLessThan(64 * 1024);
      await lasting(FULL_MS);
      await rm(filler);
      const ended = await trial.settle(first, {
        withinMs: 120_000,
        faultsAt: () => [Date.now()],
        expected: ["succeeded", "errored", "failed"],
      });
      // The agent may have had one result more than its spool had room for; the end of the execution says so.
      expect(ended.findings.filter(({ kind, text }) => kind !== "tool_result_lost" || !text.startsWith("1 of "))).toEqual([]);
      const after = await trial.servers.ask((client) => client.runs.byId.query({ id: first.id }));
      expect(["passed", "disk_full", "limit_disk"]).toContain(after.reason);
      await expectNothingWrong(trial, [await trial.launch()], { faultsAt: () => [] });
    } finally {
      await run("/bin/umount", ["--lazy", disk]);
    }
  });
});
