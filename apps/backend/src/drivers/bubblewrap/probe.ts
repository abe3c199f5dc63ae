import type { Identity } from "../identity.ts";
import { EXECUTOR_COMMAND } from "../layout.ts";
import type { Probe } from "../types.ts";
import { type CgroupHome, findCgroupHome } from "./cgroups.ts";
import { run, runInside, type TrialInput, withTrialFolder } from "./trial.ts";

// Ubuntu 24.04 and Debian 12 have it; `--size` and `--perms`, which keep a sandbox's memory folders small, came shortly before.
const MIN_VERSION = [0, 8] as const;

/** Whether bubblewrap can make our sandboxes here, found out by making one that looks at the executor and ends. Never throws. */
export const probeBubblewrap = async (input: TrialInput, signal: AbortSignal): Promise<Probe> => {
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
  const trial = await tryOnce(input, signal);
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

/** Runs the pinned Node in a sandbox with the real arguments; gives what is wrong, or null. */
const tryOnce = (input: TrialInput, signal: AbortSignal): Promise<string | null> =>
  withTrialFolder(input.stateDir, async (folder) => {
    const [node, executor] = EXECUTOR_COMMAND;
    const command = [node, "-e", `require("node:fs").accessSync(${JSON.stringify(executor)}, 4)`];
    const result = await runInside(input, { folder, mounts: [], command }, signal);
    return "error" in result ? explainFailure(result.error, input.server) : null;
  });
