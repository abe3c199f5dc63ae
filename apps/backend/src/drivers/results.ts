import type { SandboxState } from "./types.ts";

/** What shells and Docker give for a command that could not be started. */
export const NEVER_RAN_EXIT_CODE = 125;

/** What shells, bwrap and Docker give for a program that was ended by SIGKILL, as the kernel does when memory runs out. */
export const KILLED_EXIT_CODE = 137;

/** An ended sandbox's state, from how it ended and how many of its processes the kernel has killed for lack of memory. Pure. */
export const exited = (how: {
  exitCode: number;
  outOfMemoryKills: number;
  diskBytes: number;
}): Extract<SandboxState, { status: "exited" }> => ({
  status: "exited",
  ...how,
  outOfMemory: how.exitCode === KILLED_EXIT_CODE && how.outOfMemoryKills > 0,
});

/** How much of a log is kept for people to read. */
export const LOG_MAX_BYTES = 256 * 1024;

/** The end of a log, at most 256 KiB, from the beginning of a line when it was cut. Pure. */
export const lastBytes = (log: Buffer): string => {
  if (log.length <= LOG_MAX_BYTES) return log.toString("utf8");
  const end = log.subarray(log.length - LOG_MAX_BYTES);
  return end.subarray(end.indexOf(0x0a) + 1).toString("utf8");
};
