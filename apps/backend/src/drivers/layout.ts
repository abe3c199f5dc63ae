import type { SandboxLimits, SandboxSpec } from "@ccr/protocol";
import { SANDBOX_HOME, SANDBOX_USER } from "./identity.ts";

/** Where the project's runtime tree is in every sandbox, read-only. */
export const RUNTIME_TREE = "/opt/ccr";

/** What runs in every sandbox, on the Node that the project pins. */
export const EXECUTOR_COMMAND = [`${RUNTIME_TREE}/node_modules/.bin/node`, `${RUNTIME_TREE}/executor/src/main.ts`] as const;

/** Where Node finds what it has compiled of the executor, read-only; or nothing, and then it compiles anew. */
export const COMPILE_CACHE = `${RUNTIME_TREE}/compiled`;

/** Where the executor makes its door; the run engine mounts a folder there. */
export const DOORS = "/doors";
const EXECUTOR_SOCKET = "executor.sock";

/** Where a system's own programs are. */
export const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Claude Code is always the one that came with the executor; the pinned Node is there for systems that have none.
const PATH = `${RUNTIME_TREE}/bin:${SYSTEM_PATH}:${RUNTIME_TREE}/fallback`;

/**
 * The whole environment of a sandbox: four variables of ours, what the spec gives, which wins, and where what is compiled is, which wins over
 * all: whoever wrote there would be the executor. That one keeps it to itself.
 */
export const sandboxEnvironment = (spec: Pick<SandboxSpec, "env">): Record<string, string> => ({
  PATH,
  HOME: SANDBOX_HOME,
  USER: SANDBOX_USER,
  LANG: "C.UTF-8",
  ...spec.env,
  NODE_COMPILE_CACHE: COMPILE_CACHE,
});

const MEBIBYTE = 1024 * 1024;

/** Sizes of what lives in memory, in bytes. They count against the memory limit when they are filled. */
export const memoryFolders = (limits: SandboxLimits): { tmp: number; shm: number; run: number } => ({
  tmp: Math.ceil((limits.memoryMb / 2) * MEBIBYTE),
  // Docker's own default; Chromium and databases want some.
  shm: 64 * MEBIBYTE,
  run: 16 * MEBIBYTE,
});

export const diskLimitBytes = (limits: SandboxLimits): number => limits.diskMb * MEBIBYTE;
export const memoryLimitBytes = (limits: SandboxLimits): number => limits.memoryMb * MEBIBYTE;

/** Files that one process may hold open: plenty for a build, and little enough for engines that may not raise their own limit. */
export const OPEN_FILES = 16_384;

// The kernel's sun_path is 108 bytes with its closing zero.
const SOCKET_PATH_MAX_BYTES = 107;

/** The host's path of the executor's door, or why there cannot be one. */
export const executorSocket = (spec: Pick<SandboxSpec, "mounts">): { path: string } | { problem: string } => {
  const doors = spec.mounts.find((mount) => mount.target === DOORS);
  if (doors === undefined) return { problem: `The sandbox has no mount at ${DOORS}, where the executor's socket is made.` };
  const path = `${doors.source.replace(/\/+$/, "")}/${EXECUTOR_SOCKET}`;
  const bytes = Buffer.byteLength(path);
  if (bytes <= SOCKET_PATH_MAX_BYTES) return { path };
  return {
    problem: `The path of the executor's socket is ${bytes} bytes long and the kernel takes ${SOCKET_PATH_MAX_BYTES}: ${path}. Choose a shorter data folder (CCR_DATA_DIR).`,
  };
};
