import { existsSync } from "node:fs";
import { readdir, rename, writeFile } from "node:fs/promises";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { expectNothingWrong } from "./cases.ts";
import { startTrial } from "./trial.ts";

/** Debian keeps it in a folder named after the machine's architecture. */
const findFaketime = async (): Promise<string | null> => {
  const folders = (await readdir("/usr/lib").catch(() => [])).map((name) => `/usr/lib/${name}/faketime/libfaketimeMT.so.1`);
  return folders.find((path) => existsSync(path)) ?? null;
};
const library = await findFaketime();
const HOURS = 3600;

// Each has a server of its own, and mostly waits: they do so together.
describe.runIf(library !== null)("a clock that is set while a run goes on", { concurrent: true }, () => {
  it.each([
    ["two hours ahead", [2 * HOURS]],
    ["two hours back", [-2 * HOURS]],
    ["ahead and back again", [2 * HOURS, -2 * HOURS, 0]],
  ])("%s ends no run, and nothing is lost", async (_, jumps) => {
    await using folder = await temporaryFolder();
    const file = folder.join("clock");
    const setClock = async (seconds: number): Promise<void> => {
      await writeFile(`${file}.new`, `${seconds < 0 ? "" : "+"}${seconds}\n`);
      await rename(`${file}.new`, file);
    };
    await setClock(0);
    await using trial = await startTrial({
      driver: "bubblewrap",
      seed: 3,
      script: { calls: 25, thinkMs: 60 },
      environment: {
        LD_PRELOAD: library ?? "",
        FAKETIME_TIMESTAMP_FILE: file,
        FAKETIME_CACHE_DURATION: "1",
        // What Node measures times with is a clock that nobody sets.
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
        NO_FAKE_STAT: "1",
      },
    });
    const serverDate = async () => Date.parse((await trial.servers.any()?.fetch("/login"))?.headers.get("date") ?? "");
    const run = await trial.launch();
    for (const [index, seconds] of jumps.entries()) {
      await trial.reached(run, 25 + 25 * index);
      await setClock(seconds);
      await expect.poll(async () => Math.abs((await serverDate()) - Date.now() - seconds * 1000)).toBeLessThan(5_000);
    }
    await expectNothingWrong(trial, [run], { faultsAt: () => [] });
  });
});
