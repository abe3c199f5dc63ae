import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { temporaryFolderPrefix } from "./folders.ts";
import { waitFor } from "./wait.ts";

export interface LeakWatch {
  /** What is left now: processes started since the watch began, and temporary folders of this process. */
  left(): Promise<string[]>;
  /** Waits a moment for what is on its way out, then throws an error that lists what stays. */
  assertNothingLeft(options?: { timeoutMs?: number }): Promise<void>;
}

interface ProcessRow {
  pid: number;
  parent: number;
  command: string;
  marked: boolean;
}

// A daemon that leaves its parent still carries the environment that it was started with.
const MARK = "CCR_LEAK_WATCH";

const readProcess = async (pid: number, mark: string): Promise<ProcessRow | null> => {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "latin1");
    const [state = "Z", parent = "0"] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") return null;
    const command = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0").join(" ").trim();
    const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
    return { pid, parent: Number(parent), command, marked: environment.includes(mark) };
  } catch {
    return null; // it ended while it was looked at
  }
};

const listProcesses = async (mark: string): Promise<ProcessRow[]> => {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const rows = await Promise.all(pids.map((pid) => readProcess(pid, mark)));
  return rows.filter((row) => row !== null);
};

const ours = (rows: readonly ProcessRow[]): ProcessRow[] => {
  const found = new Set([process.pid]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const row of rows) if (row.marked || found.has(row.parent)) found.add(row.pid);
  }
  return rows.filter((row) => found.has(row.pid) && row.pid !== process.pid);
};

const listFolders = async (): Promise<string[]> =>
  (await readdir(tmpdir())).filter((name) => name.startsWith(temporaryFolderPrefix));

/** Begins to watch for leaks (Linux): what runs and lies about already is not counted. Start it before the parts that are tested. */
export const leakWatch = async (): Promise<LeakWatch> => {
  const id = randomUUID();
  process.env[MARK] = id;
  const mark = `${MARK}=${id}`;
  const before = new Set([...ours(await listProcesses(mark)).map((row) => row.pid), ...(await listFolders())]);
  const left = async () => [
    ...ours(await listProcesses(mark)).flatMap((row) => (before.has(row.pid) ? [] : [`process ${row.pid}: ${row.command}`])),
    ...(await listFolders()).flatMap((name) => (before.has(name) ? [] : [`folder ${tmpdir()}/${name}`])),
  ];
  return {
    left,
    assertNothingLeft: async ({ timeoutMs = 3_000 } = {}) => {
      const clean = await waitFor(async () => (await left()).length === 0, { timeoutMs, intervalMs: 50 }).catch(() => false);
      if (!clean) throw new Error(`left behind:\n${(await left()).join("\n")}`);
    },
  };
};
