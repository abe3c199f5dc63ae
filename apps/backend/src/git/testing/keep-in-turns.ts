// Keeps two snapshots in turns until it is killed: node keep-in-turns.ts <data folder> <local repositories> <work.json>
import { createReadStream } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { RunId, WorkSnapshot } from "@ccr/protocol";
import { z } from "zod";
import { createMirrors } from "../mirrors.ts";
import { createKeptWork } from "../work.ts";

const Works = z.object({
  run: z.object({ runId: RunId, directory: z.string().nullable(), repository: z.string() }),
  works: z.array(z.object({ snapshot: WorkSnapshot, bundle: z.string() })),
});

const [dataDir = "", roots = "", worksPath = ""] = process.argv.slice(2);
const { run, works } = Works.parse(JSON.parse(await readFile(worksPath, "utf8")));
const mirrors = createMirrors({ dataDir, localRepositoryRoots: [roots], environment: process.env });
const removeFolder = (path: string) => rm(path, { recursive: true, force: true });
const kept = createKeptWork({ dataDir, mirrors, removeFolder, environment: process.env });
const { signal } = new AbortController();
for (;;) {
  for (const { snapshot, bundle } of works) {
    await kept.keep(run, { snapshot, bundle: createReadStream(bundle, { highWaterMark: 4096 }) }, signal);
    process.stdout.write(`${snapshot.snapshotCommit}\n`);
  }
}
