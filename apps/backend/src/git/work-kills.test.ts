import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { pinnedNode, waitFor } from "@ccr/testkit";
import { expect, it } from "vitest";
import { contentsOf, keptPlace, OF, pieces, RUN, signal } from "./testing/kept-place.ts";

const program = fileURLToPath(new URL("./testing/keep-in-turns.ts", import.meta.url));

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
const randomFrom = (seed: number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
};

const KILLS = 15;
// One keeping takes some 100 ms; the moments are spread over two of them.
const SPREAD_MS = 200;

it("holds the earlier or the later work as a whole, whenever the one who keeps it is killed", async () => {
  await using here = await keptPlace({ "README.md": "hello\n" });
  const works = [];
  const contents = new Map<string, Record<string, string>>();
  for (const name of ["one", "two"]) {
    await writeFile(here.file(name), `${name}\n`.repeat(20_000));
    const snapshot = await here.snapshots.take(signal);
    const bundle = here.folder.join(`${name}.bundle`);
    await writeFile(bundle, await here.bundleOf(snapshot));
    works.push({ snapshot, bundle });
    contents.set(snapshot.snapshotCommit, await contentsOf(here.workspace));
  }
  const worksPath = here.folder.join("works.json");
  await writeFile(worksPath, JSON.stringify({ run: here.run, works }));
  const random = randomFrom(20261123);
  const seen = new Set<string>();
  for (let kill = 1; kill <= KILLS; kill++) {
    const args = [program, here.dataDir, here.folder.join("roots"), worksPath];
    const child = spawn(pinnedNode, args, { env: { PATH: process.env.PATH }, stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data"); // from now on something is kept
    // On a busy machine one keeping takes longer than all that follows.
    if (kill % 2 === 0) await once(child.stdout, "data");
    await delay(random() * SPREAD_MS);
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    const store = here.open();
    const found = await store.find(OF);
    if (found === null) throw new Error(`after kill ${kill} nothing is kept`);
    const { snapshotCommit } = found.snapshot;
    seen.add(snapshotCommit);
    expect(await contentsOf(await here.restored(store))).toEqual(contents.get(snapshotCommit));
    // What the killed one left unfinished is gone, and the next work can be kept. A git of it may have written for a moment longer: the next
    // start removes that.
    await waitFor(
      async () => {
        const left = await readdir(here.folder.join("data", "kept"));
        if (left.length > 1) await here.restored(here.open());
        return left.length === 1 && left[0] === RUN;
      },
      { what: "what was left unfinished to be removed" },
    );
  }
  expect(seen.size).toBe(2);
  await writeFile(here.file("three"), "3\n");
  const snapshot = await here.snapshots.take(signal);
  await here.kept.keep(here.run, { snapshot, bundle: pieces(await here.bundleOf(snapshot)) }, signal);
  expect(await readdir(here.folder.join("data", "kept", RUN))).toHaveLength(2);
});
