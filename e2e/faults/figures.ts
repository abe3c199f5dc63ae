import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { dirname } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const MEBIBYTE = 1024 * 1024;
// The unit of times in /proc; it is 100 a second on every Linux that Node runs on.
const TICKS_PER_SECOND = 100;

const read = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");

/** What one process takes now. */
export type ProcessFigures = {
  residentMb: number;
  peakMb: number;
  openFiles: number;
  databaseFiles: number;
  children: number;
  cpuMs: number;
};

/** Looks at a process and what it has started (Linux). */
export const processFigures = async (pid: number): Promise<ProcessFigures> => {
  const status = await read(`/proc/${pid}/status`);
  const megabytes = (name: string) =>
    Math.round(Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) / 102.4) / 10;
  const numbers = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const files = await Promise.all(numbers.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const children = await Promise.all(threads.map((thread) => read(`/proc/${pid}/task/${thread}/children`)));
  const stat = await read(`/proc/${pid}/stat`);
  const [userTicks = 0, systemTicks = 0] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  return {
    residentMb: megabytes("VmRSS"),
    peakMb: megabytes("VmHWM"),
    openFiles: files.length,
    databaseFiles: files.filter((file) => /\.db(-wal|-shm)?$/.test(file)).length,
    children: children
      .join(" ")
      .split(" ")
      .filter((child) => child !== "").length,
    cpuMs: ((userTicks + systemTicks) / TICKS_PER_SECOND) * 1000,
  };
};

/** What a folder takes on its disk, in MiB; what vanishes meanwhile does not count. */
export const diskMb = async (folder: string): Promise<number> => {
  const { stdout } = await run("du", ["-s", "--block-size=1", folder]).catch((error: { stdout?: string }) => ({
    stdout: error.stdout ?? "",
  }));
  return Math.round(Number(stdout.split("\t")[0] ?? 0) / MEBIBYTE);
};

/** The value below which a share of the numbers lies. */
export const quantile = (numbers: readonly number[], share: number): number => {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
};

/** Rows as a table for people, each column as wide as it needs. */
export const table = (rows: readonly Readonly<Record<string, number | string>>[]): string => {
  const names = Object.keys(rows[0] ?? {});
  const widths = names.map((name) => Math.max(name.length, ...rows.map((row) => String(row[name] ?? "").length)));
  const line = (cells: readonly (string | number)[]) =>
    cells.map((cell, index) => String(cell).padStart(widths[index] ?? 0)).join("  ");
  return [line(names), ...rows.map((row) => line(names.map((name) => row[name] ?? "")))].join("\n");
};

/** What figures were taken on. */
export const describeMachine = () => ({
  cpus: cpus().length,
  model: cpus()[0]?.model ?? "",
  memoryMb: Math.round(totalmem() / MEBIBYTE),
  node: process.version,
});

/** Writes what came of it for programs, in a folder that is made. */
export const writeJson = async (path: string, value: unknown): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
};
