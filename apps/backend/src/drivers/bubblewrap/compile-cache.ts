import { createHash } from "node:crypto";
import { chmod, chown, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { type Identity, sandboxIdentity } from "../identity.ts";
import { COMPILE_CACHE, EXECUTOR_COMMAND } from "../layout.ts";
import { runInside, type TrialInput, withTrialFolder } from "./trial.ts";

/*
 * What Node has compiled of the executor, so that a sandbox need not do it again. Node cannot tell whether it was made from the source, and
 * runs it: so it is filled in a sandbox that runs the project's own code alone, then it is the server's, and sandboxes get it read-only.
 */

// It takes half a second; nobody waits longer for what only saves time.
const FILLED_WITHIN_MS = 15_000;

const PREFIX = ".compiled-";
const SOURCES = ["executor/src", "packages/protocol/src"] as const;
const LOCK_FILE = "package-lock.json";

/**
 * The host's folder for `COMPILE_CACHE`, filled first when it is not there yet or the project has changed since, which takes about half
 * a second; those of before are removed. Two at once fill one each, and the first one stays. Throws when it cannot be filled.
 */
export const ensureCompileCache = async (input: TrialInput): Promise<string> => {
  const name = `${PREFIX}${await contentKey(input)}`;
  const folder = join(input.stateDir, name);
  if (await isFilled(folder)) return folder;
  await withTrialFolder(input.stateDir, async (trial) => {
    const made = join(trial, "compiled");
    await fill(input, { trial, made });
    await rename(made, folder).catch(async (error: unknown) => {
      if (!(await isFilled(folder))) throw error;
    });
  });
  for (const other of await readdir(input.stateDir)) {
    if (other.startsWith(PREFIX) && other !== name) await rm(join(input.stateDir, other), { recursive: true, force: true });
  }
  return folder;
};

const fill = async (input: TrialInput, { trial, made }: { trial: string; made: string }): Promise<void> => {
  await mkdir(made, { mode: 0o755 });
  const result = await runInside(
    input,
    {
      folder: trial,
      mounts: [{ source: made, target: COMPILE_CACHE, readOnly: false }],
      command: [...EXECUTOR_COMMAND, "--compile"],
    },
    AbortSignal.timeout(FILLED_WITHIN_MS),
  );
  if ("error" in result) throw new Error(result.error.trim());
  await takeOver(made, input.server);
  if (!(await isFilled(made))) throw new Error("Node wrote nothing there");
};

/** Makes a folder the server's, which everybody may read. */
const takeOver = async (folder: string, server: Identity): Promise<void> => {
  const inside = await readdir(folder, { recursive: true, withFileTypes: true });
  const entries = inside.map((entry) => ({
    path: join(entry.parentPath, entry.name),
    mode: entry.isDirectory() ? 0o755 : 0o644,
  }));
  for (const { path, mode } of [{ path: folder, mode: 0o755 }, ...entries]) {
    await chown(path, server.uid, server.gid);
    await chmod(path, mode);
  }
};

const isFilled = async (folder: string): Promise<boolean> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])).some((entry) => entry.isFile());

/** Changes with all that changes what is compiled, and with what Node looks at before it takes it: its version, processor and user. */
const contentKey = async ({ projectRoot, server }: TrialInput): Promise<string> => {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([process.version, process.arch, cpus()[0]?.model, sandboxIdentity(server).uid]));
  for (const name of [LOCK_FILE, ...(await Promise.all(SOURCES.map((source) => listFiles(projectRoot, source)))).flat()]) {
    const content = await readFile(join(projectRoot, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex").slice(0, 16);
};

const listFiles = async (root: string, folder: string): Promise<string[]> => {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
};
