import { allProcesses, identify, isRunning, isSame, type ProcessIdentity, printsInto } from "./processes.ts";
import { findMonitor, findStoredInit, readStatus, stateFiles, writeInit } from "./state.ts";

/*
 * A sandbox lives exactly as long as the first process of its process namespace: when that one ends, the kernel kills all the others, and
 * lets it be gone only after them. So it is the one to look at, and the one to kill. It is known by who it is. The namespace's number says
 * nothing: the kernel gives it away again as soon as it is free, and whoever got it would be taken for the sandbox.
 */

/** Writes down who the sandbox's first process is, when it runs. */
export const rememberInit = async (folder: string): Promise<void> => {
  const init = await findInit(folder);
  if (init !== null) await writeInit(folder, init);
};

/** The first process of the sandbox's namespace, or null when it does not run: then nothing in there does. */
export const findInit = async (folder: string): Promise<ProcessIdentity | null> => {
  const stored = await findStoredInit(folder);
  if (stored === null) return discoverInit(folder);
  return (await isRunning(stored)) ? stored : null;
};

/**
 * For when it was not written down: the server was killed before, or is of an earlier version. It is who has the number that bwrap told and
 * prints into this very sandbox's log, as nobody does who got the number later. When bwrap was killed before it told one, the process waits
 * for it forever, and printing there is all that it can be known by.
 */
const discoverInit = async (folder: string): Promise<ProcessIdentity | null> => {
  const { initPid } = await readStatus(folder);
  const monitor = await findMonitor(folder);
  for (const pid of initPid === null ? await allProcesses() : [initPid]) {
    const found = await identify(pid);
    if (found === null || (monitor !== null && isSame(found, monitor))) continue;
    // Looked at once more, so that it was this process that was looked at.
    if ((await printsInto(pid, stateFiles(folder).log)) && (await isRunning(found))) return found;
  }
  return null;
};
