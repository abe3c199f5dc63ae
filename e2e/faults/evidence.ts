import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TrialDatabase } from "./database.ts";
import type { ServerLife } from "./life.ts";

export type EvidenceSources = {
  report: string;
  lives: readonly ServerLife[];
  database: TrialDatabase | null;
  /** Where the witnesses wrote. */
  witness: string;
  spools: string;
};

/** Copies everything that was seen of a trial into a folder. To be called when the servers have ended. */
export const keepEvidence = async (
  folder: string,
  { report, lives, database, witness, spools }: EvidenceSources,
): Promise<void> => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "report.txt"), report);
  await cp(witness, join(folder, "witness"), { recursive: true });
  await cp(spools, join(folder, "spools"), { recursive: true });
  for (const [index, { dataDir, printed }] of lives.entries()) {
    const name = lives.length === 1 ? "" : `-${index + 1}`;
    await writeFile(join(folder, `server${name}.log`), printed());
    // Sockets cannot be copied, and mirrors and workspaces tell nothing that the rest does not.
    const filter = (path: string) => !/\/(doors|mirrors|sandboxes|home|workspace)(\/|$)/.test(path.slice(dataDir.length));
    await cp(dataDir, join(folder, `data${name}`), { recursive: true, filter });
  }
  // A trial that was cut short may have ended while it was away.
  await database
    ?.dump(join(folder, "database.sql"))
    .catch((error: unknown) => writeFile(join(folder, "no-database.txt"), String(error)));
};
