import { readdir, readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";

/** The parts of the stack that can be killed. */
export const PARTS = ["backend", "gateway", "executor", "agent", "sandbox", "engine", "database"] as const;
export type PartName = (typeof PARTS)[number];

/** A process of the stack under test. `startedAt` tells it from another that got the same number. */
export type PartProcess = {
  part: PartName;
  pid: number;
  startedAt: string;
  instanceId: string | null;
  /** Whose backend or gateway it is, by the place of its data folder; null for what belongs to no server. */
  server: number | null;
};

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

/** What tells a data folder from all others of this machine: `data` is what many are called. Pure. */
const ownNameOf = (dataDir: string): string =>
  basename(dataDir) === "data" ? `${basename(dirname(dataDir))}/data` : basename(dataDir);

/**
 * The sandbox of one of the data folders, or of one below them, that a process is in, by what is mounted into it: no process can hide
 * that. Only the folder's own name is looked for: what stands before it in the list of mounts begins at the disk, not at the root. Pure.
 */
export const instanceIn = (mounts: string, dataDirs: readonly string[]): string | null =>
  new RegExp(`/(?:${dataDirs.map(ownNameOf).join("|")})/(?:[^\\s]*?/)?instances/(inst_\\w+)`).exec(mounts)?.[1] ?? null;

const rowOf = async (pid: number, dataDirs: readonly string[]): Promise<Row | null> => {
  const stat = await statOf(pid);
  const command = (await read(`/proc/${pid}/cmdline`)).split("\0").filter((part) => part !== "");
  if (stat === null || command.length === 0) return null;
  const environment = (await read(`/proc/${pid}/environ`)).split("\0");
  const inner = /^NSpid:.*?(\d+)$/m.exec(await read(`/proc/${pid}/status`))?.[1];
  const instanceId = instanceIn(await read(`/proc/${pid}/mountinfo`), dataDirs);
  const names = [...command, ...environment].some((text) => dataDirs.some((dataDir) => text.includes(dataDir)));
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

/** Every process that belongs to a server with one of these data folders: it names the folder, or has a part of it mounted. */
const rowsOf = async (dataDirs: readonly string[]): Promise<Row[]> => {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const rows = await Promise.all(pids.filter((pid) => pid !== process.pid).map((pid) => rowOf(pid, dataDirs)));
  return rows.filter((row) => row !== null).filter((row) => row.isOurs);
};

/** What it is, and whose: null where it is not to be killed. */
const partOf = (row: Row, dataDirs: readonly string[]): Pick<PartProcess, "part" | "server"> | null => {
  const { command, environment, innerPid, instanceId } = row;
  const runs = (file: string) => command.some((part) => part.endsWith(file));
  if (instanceId === null) {
    const isGateway = runs("gateway/src/main.ts");
    if (!isGateway && !runs("apps/backend/src/main.ts")) return null;
    // A gateway is told its control socket alone, which is in the folder.
    const isOf = (dataDir: string) => (text: string) =>
      isGateway ? text.startsWith(`GATEWAY_CONTROL=${dataDir}/`) : text === `CCR_DATA_DIR=${dataDir}`;
    const server = dataDirs.findIndex((dataDir) => environment.some(isOf(dataDir)));
    return server === -1 ? null : { part: isGateway ? "gateway" : "backend", server };
  }
  // The first process of the sandbox's namespace takes all the others with it. Where it is the executor itself, it is both.
  if (innerPid === 1) return { part: "sandbox", server: null };
  if (command[0]?.endsWith("/claude") === true) return { part: "agent", server: null };
  return runs("executor/src/main.ts") ? { part: "executor", server: null } : null;
};

/** The parts of the servers with these data folders that run now, seen from outside. Engine and database are not among them: they are no server's. */
export const findParts = async (dataDirs: readonly string[]): Promise<PartProcess[]> =>
  (await rowsOf(dataDirs)).flatMap((row) => {
    const what = partOf(row, dataDirs);
    if (what === null) return [];
    const { pid, startedAt, instanceId } = row;
    const found = { ...what, pid, startedAt, instanceId };
    const isBoth = what.part === "sandbox" && row.command.some((text) => text.endsWith("executor/src/main.ts")) && !isShell(row);
    return isBoth ? [found, { ...found, part: "executor" as const }] : [found];
  });

// bubblewrap's own process carries the command line of what it started.
const isShell = ({ command }: Row): boolean => /(^|\/)bwrap$|docker-init$|tini$/.test(command[0] ?? "");

/** What runs of them, a line each, for people. */
export const describeProcesses = async (dataDirs: readonly string[]): Promise<string[]> =>
  (await rowsOf(dataDirs)).map(({ pid, command }) => `process ${pid}: ${command.join(" ").slice(0, 160)}`);

/** Kills whatever runs of them. */
export const killAll = async (dataDirs: readonly string[]): Promise<void> => {
  for (const row of await rowsOf(dataDirs)) await signalProcess(row, "SIGKILL");
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
