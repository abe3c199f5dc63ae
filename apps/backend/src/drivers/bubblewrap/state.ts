import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SandboxHandle, Timestamp } from "@ccr/protocol";
import { z } from "zod";
import { accountFiles, type Identity } from "../identity.ts";
import { LOG_MAX_BYTES, lastBytes } from "../results.ts";
import { ProcessIdentity, parseIdentity } from "./processes.ts";

/*
 * What the driver knows about a sandbox, in a folder named after its instance. The folder is complete before anything is started,
 * and whatever is started writes down there who it is before it becomes bwrap: so nothing can run that is not found again.
 */

const SandboxRecord = z.object({
  handle: SandboxHandle,
  owner: z.string(),
  deadline: Timestamp,
  /** The folders of its control groups, made or not. */
  cgroups: z.array(z.string()),
  /** The host folders that it may write to. */
  writable: z.array(z.string()),
});
export type SandboxRecord = z.infer<typeof SandboxRecord>;

const RECORD = "sandbox.json";
const ETC = "etc";

/** The files of a sandbox's folder that others open. */
export const stateFiles = (folder: string) => ({
  process: join(folder, "process"),
  arguments: join(folder, "arguments"),
  seccomp: join(folder, "seccomp"),
  init: join(folder, "init"),
  status: join(folder, "status"),
  log: join(folder, "log"),
});

/** The files that a sandbox gets below /etc, by name. Pure. */
export const etcFiles = (identity: Identity): Record<string, string> => ({
  ...accountFiles(identity),
  hosts: "127.0.0.1 localhost sandbox\n::1 localhost\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
});

/** Where the files below /etc are on the host. Pure. */
export const etcPaths = (folder: string, identity: Identity): Record<string, string> =>
  Object.fromEntries(Object.keys(etcFiles(identity)).map((name) => [name, join(folder, ETC, name)]));

/** Writes a sandbox's folder, which is there as a whole or not at all. */
export const writeState = async (
  folder: string,
  state: { record: SandboxRecord; identity: Identity; bwrapArguments: readonly string[]; seccomp: Buffer | null },
): Promise<void> => {
  const making = makingOf(folder);
  await rm(making, { recursive: true, force: true });
  await mkdir(join(making, ETC), { recursive: true, mode: 0o700 });
  const files = stateFiles(making);
  for (const [name, text] of Object.entries(etcFiles(state.identity)))
    await writeFile(join(making, ETC, name), text, { mode: 0o644 });
  await writeFile(files.arguments, state.bwrapArguments.map((argument) => `${argument}\0`).join(""));
  await writeFile(files.seccomp, state.seccomp ?? Buffer.alloc(0));
  await writeFile(files.status, "");
  await writeFile(files.log, "");
  await writeFile(join(making, RECORD), JSON.stringify(state.record));
  await rename(making, folder);
};

/** Removes a sandbox's folder, a half-written one too. */
export const removeState = async (folder: string): Promise<void> => {
  for (const path of [folder, makingOf(folder)]) await rm(path, { recursive: true, force: true });
};

const makingOf = (folder: string): string => `${folder}.making`;

/** Reads a sandbox's record, or null when there is none. */
export const findRecord = async (folder: string): Promise<SandboxRecord | null> => {
  const text = await readFile(join(folder, RECORD), "utf8").catch(() => null);
  return text === null ? null : (SandboxRecord.safeParse(parseJson(text)).data ?? null);
};

/** The records of every sandbox below `stateDir`. */
export const listRecords = async (stateDir: string): Promise<SandboxRecord[]> => {
  const names = await readdir(stateDir).catch(() => []);
  const records = await Promise.all(
    names.filter((name) => !name.endsWith(".making")).map((name) => findRecord(join(stateDir, name))),
  );
  return records.filter((record) => record !== null);
};

/** The process that became bwrap, or null when it was never started. */
export const findMonitor = async (folder: string): Promise<ProcessIdentity | null> =>
  parseIdentity(await readFile(stateFiles(folder).process, "latin1").catch(() => ""));

/** Writes down the first process of the sandbox's namespace. */
export const writeInit = (folder: string, init: ProcessIdentity): Promise<void> =>
  writeFile(stateFiles(folder).init, JSON.stringify(init));

/** The first process of the sandbox's namespace as it was written down, or null when it was not. */
export const findStoredInit = async (folder: string): Promise<ProcessIdentity | null> =>
  ProcessIdentity.safeParse(parseJson(await readFile(stateFiles(folder).init, "utf8").catch(() => ""))).data ?? null;

const StatusLine = z.object({
  "child-pid": z.number().optional(),
  "exit-code": z.number().optional(),
});

/** What bwrap reported so far: the namespace's first process once the sandbox is made, the exit code once it has ended. */
export type BwrapStatus = { initPid: number | null; exitCode: number | null };

/** Reads the lines that `bwrap --json-status-fd` wrote; one that is not complete yet counts as not there. Pure. */
export const parseStatus = (text: string): BwrapStatus => {
  const lines = text.split("\n").map((line) => StatusLine.safeParse(parseJson(line)).data ?? {});
  return {
    initPid: lines.find((line) => line["child-pid"] !== undefined)?.["child-pid"] ?? null,
    exitCode: lines.find((line) => line["exit-code"] !== undefined)?.["exit-code"] ?? null,
  };
};

export const readStatus = async (folder: string): Promise<BwrapStatus> =>
  parseStatus(await readFile(stateFiles(folder).status, "utf8").catch(() => ""));

/** The end of what the sandbox printed. */
export const readLog = async (folder: string): Promise<string> => {
  const file = await open(stateFiles(folder).log).catch(() => null);
  if (file === null) return "";
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - LOG_MAX_BYTES - 1);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(Math.min(size, LOG_MAX_BYTES + 1)), position: start });
    return lastBytes(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};
