import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SandboxLimits, SandboxSpec } from "@ccr/protocol";
import { type Identity, sandboxIdentity } from "../identity.ts";
import { SYSTEM_PATH } from "../layout.ts";
import { prepareMounts } from "../mounts.ts";
import { readHostSystem } from "./host.ts";
import { bwrapArguments, commandInside } from "./plan.ts";
import { etcFiles } from "./state.ts";

/** What a sandbox for a moment needs to know: it has the layout of the others, no workspace, and runs the project's own code alone. */
export type TrialInput = { bwrapPath?: string | undefined; projectRoot: string; stateDir: string; server: Identity };

export type RunResult = { output: string } | { error: string; missing: boolean };

const ANSWER_WITHIN_MS = 15_000;
const TRIAL_PREFIX = ".trial-";
const TRIAL_IS_OVER_AFTER_MS = 4 * ANSWER_WITHIN_MS;
const TRIAL_LIMITS: SandboxLimits = { memoryMb: 256, cpus: 1, processes: 64, diskMb: 64 };

/** Works with a new folder beside those of the sandboxes, and removes it, and what servers that were killed meanwhile have left. */
export const withTrialFolder = async <Result>(stateDir: string, work: (folder: string) => Promise<Result>): Promise<Result> => {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  await removeLeft(stateDir);
  const folder = await mkdtemp(join(stateDir, TRIAL_PREFIX));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const removeLeft = async (stateDir: string): Promise<void> => {
  for (const name of await readdir(stateDir)) {
    if (!name.startsWith(TRIAL_PREFIX)) continue;
    const folder = join(stateDir, name);
    const madeAt = await stat(folder).then(
      ({ mtimeMs }) => mtimeMs,
      () => null,
    );
    if (madeAt !== null && Date.now() - madeAt > TRIAL_IS_OVER_AFTER_MS) await rm(folder, { recursive: true, force: true });
  }
};

/** Runs a command to its end in a sandbox with the real arguments and these mounts alone. `folder` is for what it needs meanwhile. */
export const runInside = async (
  { bwrapPath, projectRoot, server }: TrialInput,
  { folder, mounts, command }: { folder: string; mounts: SandboxSpec["mounts"]; command: readonly string[] },
  signal: AbortSignal,
): Promise<RunResult> => {
  const identity = sandboxIdentity(server);
  const etc: Record<string, string> = {};
  for (const [name, text] of Object.entries(etcFiles(identity))) {
    etc[name] = join(folder, name);
    await writeFile(join(folder, name), text, { mode: 0o644 });
  }
  await prepareMounts({ mounts }, server);
  const flags = bwrapArguments({
    spec: { env: {}, mounts, limits: TRIAL_LIMITS },
    host: await readHostSystem(),
    server,
    identity,
    projectRoot,
    compileCache: null,
    architecture: process.arch,
    etc,
    seccompFd: null,
    statusFd: null,
  });
  return run(bwrapPath ?? "bwrap", [...flags, "--", ...commandInside({ server, identity, processLimit: null }, command)], signal);
};

/** Runs a program of the system to its end. */
export const run = (program: string, args: readonly string[], signal: AbortSignal): Promise<RunResult> =>
  new Promise((resolve) => {
    execFile(
      program,
      args,
      { signal, timeout: ANSWER_WITHIN_MS, env: { PATH: SYSTEM_PATH }, cwd: "/" },
      (error, stdout, stderr) => {
        if (error === null) resolve({ output: stdout.trim() });
        else resolve({ error: stderr.trim() === "" ? error.message : stderr, missing: error.code === "ENOENT" });
      },
    );
  });
