import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { CcrError, type SandboxLimits } from "@ccr/protocol";
import { diskLimitBytes, OPEN_FILES, SYSTEM_PATH } from "../layout.ts";
import { readLog, readStatus, stateFiles } from "./state.ts";

/*
 * Becomes bwrap in place: closes what the server's own parent may have left open, writes down who it is, joins its control groups and
 * limits itself, all of which the sandbox inherits. As long as nothing is written down nothing runs, and a folder that was removed
 * meanwhile ends it at the next line.
 * Arguments: the folder, the file size in blocks of 1024 bytes, the number of open files, control groups, `--`, and a command that finds
 * its arguments at 3, its filter at 4 and its status at 5.
 */
const SCRIPT = `set -eu
folder=$1 blocks=$2 files=$3
shift 3
for open in /proc/$$/fd/*; do
  open=\${open##*/}
  if [ "$open" -gt 2 ]; then eval "exec $open>&-"; fi
done
read -r self < "/proc/$$/stat"
read -r boot < /proc/sys/kernel/random/boot_id || boot=
printf '%s\\n' "$self" "$boot" > "$folder/process"
while [ "$1" != -- ]; do
  echo "$$" > "$1/cgroup.procs"
  shift
done
shift
ulimit -c 0
ulimit -f "$blocks"
ulimit -n "$files" 2>/dev/null || ulimit -n "$(ulimit -H -n)"
exec "$@" 3< "$folder/arguments" 4< "$folder/seccomp" 5>> "$folder/status"
`;

export const ARGUMENTS_FD = 3;
export const SECCOMP_FD = 4;
export const STATUS_FD = 5;

const BLOCK_BYTES = 1024;

// bwrap makes its namespaces within milliseconds; on a machine that swaps, seconds.
const STARTED_WITHIN_MS = 20_000;

/** Starts `command` for a sandbox, apart from this process and outliving it. Resolves when bwrap has made the namespaces. */
export const launch = async (
  {
    folder,
    cgroups,
    limits,
    command,
  }: { folder: string; cgroups: readonly string[]; limits: SandboxLimits; command: readonly string[] },
  signal: AbortSignal,
): Promise<void> => {
  signal.throwIfAborted();
  const log = await open(stateFiles(folder).log, "a");
  try {
    const blocks = Math.ceil(diskLimitBytes(limits) / BLOCK_BYTES);
    const child = spawn(
      "bash",
      ["-c", SCRIPT, "sandbox", folder, String(blocks), String(OPEN_FILES), ...cgroups, "--", ...command],
      {
        cwd: "/",
        env: { PATH: SYSTEM_PATH },
        detached: true,
        stdio: ["ignore", log.fd, log.fd],
      },
    );
    child.unref();
    let ended: string | null = null;
    child.once("error", (error) => (ended = error.message));
    child.once(
      "exit",
      (code, killedBy) => (ended = killedBy === null ? `it ended with exit code ${code}` : `it was ended by ${killedBy}`),
    );
    await untilMade(folder, () => ended, signal);
  } finally {
    await log.close();
  }
};

const untilMade = async (folder: string, ended: () => string | null, signal: AbortSignal): Promise<void> => {
  const giveUpAt = performance.now() + STARTED_WITHIN_MS;
  for (;;) {
    const how = ended();
    if ((await readStatus(folder)).initPid !== null) return;
    if (how !== null)
      throw new CcrError("unavailable", `The sandbox could not be started: ${how}. ${await readLog(folder)}`.trim());
    if (performance.now() > giveUpAt)
      throw new CcrError("unavailable", `The sandbox did not start within ${STARTED_WITHIN_MS / 1000} seconds.`);
    await delay(2, undefined, { signal });
  }
};
