import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SandboxLimits } from "@ccr/protocol";
import { type Identity, sandboxIdentity } from "../identity.ts";
import { EXECUTOR_COMMAND, SYSTEM_PATH } from "../layout.ts";
import type { Probe } from "../types.ts";
import { type CgroupHome, findCgroupHome } from "./cgroups.ts";
import { readHostSystem } from "./host.ts";
import { bwrapArguments, commandInside } from "./plan.ts";
import { etcFiles } from "./state.ts";

export type ProbeInput = { bwrapPath?: string | undefined; projectRoot: string; stateDir: string; server: Identity };

// Ubuntu 24.04 and Debian 12 have it; `--size` and `--perms`, which keep a sandbox's memory folders small, came shortly before.
const MIN_VERSION = [0, 8] as const;
const ANSWER_WITHIN_MS = 15_000;
const TRIAL_PREFIX = ".trial-";
const TRIAL_IS_OVER_AFTER_MS = 4 * ANSWER_WITHIN_MS;

/** Whether bubblewrap can make our sandboxes here, found out by making one that looks at the executor and ends. Never throws. */
export const probeBubblewrap = async (input: ProbeInput, signal: AbortSignal): Promise<Probe> => {
  if (process.platform !== "linux")
    return { usable: false, why: `bubblewrap works on Linux only, and this is ${process.platform}.` };
  const bwrap = input.bwrapPath ?? "bwrap";
  const version = await run(bwrap, ["--version"], signal);
  if ("error" in version) return { usable: false, why: version.missing ? INSTALL : `${bwrap} does not run: ${version.error}` };
  const number = /(\d+)\.(\d+)[\d.]*/.exec(version.output);
  if (number === null) return { usable: false, why: `${bwrap} does not say which version it is: ${version.output}` };
  if (isTooOld(Number(number[1]), Number(number[2]))) {
    return {
      usable: false,
      why: `bubblewrap ${number[0]} is too old: ${MIN_VERSION.join(".")} or newer is needed. Upgrade the system, or use Docker.`,
    };
  }
  const trial = await tryOnce(bwrap, input, signal);
  if (trial !== null) return { usable: false, why: trial };
  return { usable: true, details: `bubblewrap ${number[0]}, ${describeLimits(await findCgroupHome(), input.server)}` };
};

const INSTALL =
  "bubblewrap is not installed. Install it: 'apt-get install bubblewrap' on Debian and Ubuntu, 'dnf install bubblewrap' on Fedora, 'pacman -S bubblewrap' on Arch.";

const isTooOld = (major: number, minor: number): boolean =>
  major < MIN_VERSION[0] || (major === MIN_VERSION[0] && minor < MIN_VERSION[1]);

/** Which limits hold on this machine, for people. Pure. */
export const describeLimits = ({ version, parents }: CgroupHome, server: Identity): string => {
  const missing = [
    ...(parents.memory === undefined ? ["memory"] : []),
    ...(parents.cpu === undefined ? ["cpu"] : []),
    // Processes are limited in another way then, which needs a user namespace.
    ...(parents.pids === undefined && server.uid === 0 ? ["processes"] : []),
  ];
  if (missing.length === 0) return `limits through cgroup v${version}`;
  return `limits on ${missing.join(" and ")} are NOT enforced, because this server may not make control groups: run it as root, or use Docker, for limits that hold`;
};

/** Explains what a failed trial printed. Pure. */
export const explainFailure = (output: string, server: Identity): string => {
  const said = output.trim().split("\n").slice(-3).join(" ");
  if (/creating new namespace|unshare|uid map|user namespace|loopback|RTM_NEWADDR/i.test(output)) {
    return server.uid === 0
      ? `This machine does not let root make namespaces, as in a container without privileges (${said}). Run the server outside, or give the container what it needs, for example 'docker run --privileged'.`
      : `This machine does not let plain users make namespaces (${said}). On Ubuntu 24.04 and newer: 'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0' (or an AppArmor profile for bwrap). Elsewhere: 'sudo sysctl -w user.max_user_namespaces=15000', on old Debian also 'kernel.unprivileged_userns_clone=1'. Or use Docker.`;
  }
  if (/mount|proc/i.test(output) && /permitted|denied/i.test(output)) {
    return `bubblewrap may not mount what a sandbox needs (${said}), as in a container without privileges. Run the server outside of it, or use Docker.`;
  }
  if (/MODULE_NOT_FOUND|ENOENT|Can't find source|No such file|Permission denied|EACCES/i.test(output)) {
    return `A sandbox could not read the executor (${said}). Install the dependencies with 'npm ci', and let everybody read them: 'chmod -R go+rX' on the checkout.`;
  }
  return `A sandbox could not be started: ${said === "" ? "bubblewrap printed nothing" : said}`;
};

const TRIAL_LIMITS: SandboxLimits = { memoryMb: 256, cpus: 1, processes: 64, diskMb: 64 };

/** Runs the pinned Node in a sandbox with the real arguments; gives what is wrong, or null. */
const tryOnce = async (
  bwrap: string,
  { projectRoot, stateDir, server }: ProbeInput,
  signal: AbortSignal,
): Promise<string | null> => {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  await removeLeft(stateDir);
  const folder = await mkdtemp(join(stateDir, TRIAL_PREFIX));
  try {
    const identity = sandboxIdentity(server);
    const etc: Record<string, string> = {};
    for (const [name, text] of Object.entries(etcFiles(identity))) {
      etc[name] = join(folder, name);
      await writeFile(join(folder, name), text, { mode: 0o644 });
    }
    const flags = bwrapArguments({
      spec: { env: {}, mounts: [], limits: TRIAL_LIMITS },
      host: await readHostSystem(),
      server,
      identity,
      projectRoot,
      architecture: process.arch,
      etc,
      seccompFd: null,
      statusFd: null,
    });
    const [node, executor] = EXECUTOR_COMMAND;
    const look = [node, "-e", `require("node:fs").accessSync(${JSON.stringify(executor)}, 4)`];
    const result = await run(bwrap, [...flags, "--", ...commandInside({ server, identity, processLimit: null }, look)], signal);
    return "error" in result ? explainFailure(result.error, server) : null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Those of servers that were killed in the middle of a trial. */
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

type RunResult = { output: string } | { error: string; missing: boolean };

const run = (program: string, args: readonly string[], signal: AbortSignal): Promise<RunResult> =>
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
