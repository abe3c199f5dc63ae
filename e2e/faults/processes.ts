import { readdir, readFile } from "node:fs/promises";
import { basename } from "node:path";

/** The parts of the stack that can be killed. */
export const PARTS = ["backend", "gateway", "executor", "agent", "sandbox", "engine"] as const;
export type PartName = (typeof PARTS)[number];

/** A process of the stack under test. `startedAt` tells it from another that got the same number. */
export type PartProcess = { part: PartName; pid: number; startedAt: string; instanceId: string | null };

type Row = {
  pid: number;
  parent: number;
  startedAt: string;
  command: string[];
  environment: string[];
  /** Its number in each namespace, the innermost last. */
  innerPid: number;
  instanceId: string | null;
  isOurs: boolean;
};

const statOf = async (pid: number): Promise<{ state: string; parent: number; startedAt: string } | null> => {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, parent] = fields;
  const startedAt = fields[19];
  if (state === undefined || startedAt === undefined || state === "Z" || state === "X") return null;
  return { state, parent: Number(parent), startedAt };
};

const read = (path: string): Promise<string> => readFile(path, "latin1").catch(() => "");

/**
 * The sandbox of a data folder that a process is in, by what is mounted into it: no process can hide that. Only the folder's own name is
 * looked for, which has to be like no other: what stands before it in the list of mounts begins at the disk, not at the root.
 */
const instanceIn = (mounts: string, dataDir: string): string | null =>
  new RegExp(`/${basename(dataDir)}/instances/(inst_\\w+)`).exec(mounts)?.[1] ?? null;

const rowOf = async (pid: number, dataDir: string): Promise<Row | null> => {
  const stat = await statOf(pid);
  const command = (await read(`/proc/${pid}/cmdline`)).split("\0").filter((part) => part !== "");
  if (stat === null || command.length === 0) return null;
  const environment = (await read(`/proc/${pid}/environ`)).split("\0");
  const inner = /^NSpid:.*?(\d+)$/m.exec(await read(`/proc/${pid}/status`))?.[1];
  const instanceId = instanceIn(await read(`/proc/${pid}/mountinfo`), dataDir);
  const names = [...command, ...environment].some((text) => text.includes(dataDir));
  return {
    pid,
    parent: stat.parent,
    startedAt: stat.startedAt,
    command,
    environment,
    innerPid: Number(inner ?? pid),
    instanceId,
    isOurs: names || instanceId !== null,
  };
};

/** Every process that belongs to the server with this data folder: it names the folder, or has a part of it mounted. */
const rowsOf = async (dataDir: string): Promise<Row[]> => {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const rows = await Promise.all(pids.filter((pid) => pid !== process.pid).map((pid) => rowOf(pid, dataDir)));
  return rows.filter((row) => row !== null).filter((row) => row.isOurs);
};

const partOf = ({ command, environment, innerPid, instanceId }: Row, dataDir: string): PartName | null => {
  const runs = (file: string) => command.some((part) => part.endsWith(file));
  if (instanceId === null) {
    if (runs("gateway/src/main.ts")) return "gateway";
    return runs("apps/backend/src/main.ts") && environment.includes(`CCR_DATA_DIR=${dataDir}`) ? "backend" : null;
  }
  // The first process of the sandbox's namespace takes all the others with it. Where it is the executor itself, it is both.
  if (innerPid === 1) return "sandbox";
  if (command[0]?.endsWith("/claude") === true) return "agent";
  return runs("executor/src/main.ts") ? "executor" : null;
};

/** The parts of the server with this data folder that run now, seen from outside. The engine is not among them: it is not the server's. */
export const findParts = async (dataDir: string): Promise<PartProcess[]> =>
  (await rowsOf(dataDir)).flatMap((row) => {
    const part = partOf(row, dataDir);
    const { pid, startedAt, instanceId } = row;
    const found = part === null ? [] : [{ part, pid, startedAt, instanceId }];
    const isBoth = part === "sandbox" && row.command.some((text) => text.endsWith("executor/src/main.ts")) && !isShell(row);
    return isBoth ? [...found, { part: "executor" as const, pid, startedAt, instanceId }] : found;
  });

// bubblewrap's own process carries the command line of what it started.
const isShell = ({ command }: Row): boolean => /(^|\/)bwrap$|docker-init$|tini$/.test(command[0] ?? "");

/** What runs of it, a line each, for people. */
export const describeProcesses = async (dataDir: string): Promise<string[]> =>
  (await rowsOf(dataDir)).map(({ pid, command }) => `process ${pid}: ${command.join(" ").slice(0, 160)}`);

/** Kills whatever runs of it. */
export const killAll = async (dataDir: string): Promise<void> => {
  for (const row of await rowsOf(dataDir)) await signalProcess(row, "SIGKILL");
};

/** Sends a signal to a process, unless it has ended; gives whether it was there. */
export const signalProcess = async (target: Pick<PartProcess, "pid" | "startedAt">, signal: NodeJS.Signals): Promise<boolean> => {
  if ((await statOf(target.pid))?.startedAt !== target.startedAt) return false;
  try {
    process.kill(target.pid, signal);
    return true;
  } catch {
    return false; // it ended just now
  }
};
