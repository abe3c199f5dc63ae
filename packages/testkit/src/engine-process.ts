import { spawn } from "node:child_process";
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { engineApi } from "./engine-api.ts";
import { waitFor } from "./wait.ts";

/** Whether a process has this number now. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

export interface EngineFolders {
  /** For its socket, log and whatever else it needs while it runs. */
  folder: string;
  /** For its images. */
  dataRoot: string;
  /** Further options of dockerd. */
  flags?: readonly string[];
  /** It gets a network of its own, in which there is nothing. */
  isAlone?: boolean;
}

export const socketIn = (folder: string): string => join(folder, "docker.sock");
const pidFileOf = (folders: EngineFolders): string => join(folders.folder, "dockerd.pid");

/** Starts a Docker Engine of our own (as root), which outlives this process. Resolves when it answers. */
export const startEngineProcess = async (folders: EngineFolders): Promise<void> => {
  const { folder, dataRoot } = folders;
  const pidFile = pidFileOf(folders);
  const socketPath = socketIn(folder);
  const logFile = join(folder, "dockerd.log");
  await mkdir(folder, { recursive: true });
  await mkdir(dataRoot, { recursive: true });
  await stopEngineProcess(folders);
  const log = await open(logFile, "a");
  const flags = [
    "--data-root",
    dataRoot,
    "--exec-root",
    join(folder, "exec"),
    "-H",
    `unix://${socketPath}`,
    "--pidfile",
    pidFile,
    ...(folders.flags ?? []),
  ];
  const [program = "", ...args] = [...(folders.isAlone === true ? ["unshare", "--net"] : []), "dockerd", ...flags];
  const child = spawn(program, args, {
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    cwd: "/",
    env: engineEnvironment(),
  });
  await log.close();
  child.unref();
  let ended = false;
  const failed = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      ended = true;
      reject(new Error(`exit code ${code}`));
    });
  });
  failed.catch(() => {}); // it also ends when it is stopped
  try {
    const answers = waitFor(() => ended || engineApi(socketPath).answers(), {
      what: "dockerd to answer",
      timeoutMs: 60_000,
      intervalMs: 50,
    });
    await Promise.race([answers, failed]);
  } catch (error) {
    if (child.pid !== undefined) await stopProcess(child.pid);
    const said = (await readFile(logFile, "utf8").catch(() => "")).split("\n").slice(-8).join("\n");
    throw new Error(`The Docker Engine for tests did not start (${error instanceof Error ? error.message : error}):\n${said}`);
  }
};

/** Other test runs may use it too, so it is not the first one's leftover. */
const engineEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => name === "PATH" || name === "HOME" || /_proxy$/i.test(name)));

/** Stops the engine of these folders, if it runs. */
export const stopEngineProcess = async (folders: EngineFolders): Promise<void> => {
  const pid = await findEngineProcess(folders);
  if (pid !== null) await stopProcess(pid);
  await rm(pidFileOf(folders), { force: true });
};

/** The number of the process that is the engine of these folders, or null when it does not run. */
export const findEngineProcess = async (folders: EngineFolders): Promise<number | null> => {
  const pid = Number(await readFile(pidFileOf(folders), "utf8").catch(() => "0"));
  if (!(pid > 0)) return null;
  // The number may be another program's by now; the engine is known by its command line.
  const command = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
  return command[0]?.endsWith("dockerd") && command.includes(folders.dataRoot) ? pid : null;
};

/** Kills the engine of these folders as a crash would, and waits until it is gone. Its containers may go on. */
export const killEngineProcess = async (folders: EngineFolders): Promise<void> => {
  const pid = await findEngineProcess(folders);
  if (pid === null) return;
  process.kill(pid, "SIGKILL");
  await waitFor(async () => !isAlive(pid) || (await isZombie(pid)), { what: `process ${pid} to end`, timeoutMs: 10_000 });
};

/** Ends a process and waits until it is gone. */
const stopProcess = async (pid: number): Promise<void> => {
  const gone = (timeoutMs: number) =>
    waitFor(async () => !isAlive(pid) || (await isZombie(pid)), { what: `process ${pid} to end`, timeoutMs });
  if (!isAlive(pid)) return;
  process.kill(pid, "SIGTERM");
  // The engine gives each container ten seconds.
  await gone(30_000).catch(async () => {
    process.kill(pid, "SIGKILL");
    await gone(10_000);
  });
};

const isZombie = async (pid: number): Promise<boolean> =>
  / [ZX] /.test((await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")).slice(0, 64));
