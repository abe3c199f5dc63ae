import { constants, type FileHandle, link, lstat, open, readdir, rename } from "node:fs/promises";
import path from "node:path";
import { CcrError } from "@ccr/protocol";
import { reasonOf } from "./reason.ts";

/*
 * The files beside an audit file: their names are its own and an ending. They are out of every sandbox's reach, and yet none of them is
 * taken for what it should be: disks fail, and people tidy up.
 */

/** `owner`: see ownership.ts. `begun`: see begun.ts. `next`: what is going to be the audit file. */
type Kind = "owner" | "begun" | "next";

const NO_ROOM = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** What people are told when the files of an audit cannot be used; `disk_full` where that is the reason. */
export const auditError = (auditPath: string, error: unknown): CcrError => {
  if (error instanceof CcrError) return error;
  const reason = reasonOf(error);
  return NO_ROOM.has(reason)
    ? new CcrError("disk_full", `The audit file ${auditPath} cannot be written (${reason}). Make room on its disk.`)
    : new CcrError(
        "unavailable",
        `The audit file ${auditPath} cannot be opened (${reason}). Its folder must exist and be writable.`,
      );
};

/** The paths of what is there of a kind, in no order; nothing is where there is no folder. */
export const listBeside = async (auditPath: string, kind: Kind): Promise<string[]> => {
  const start = `${path.basename(auditPath)}.${kind}`;
  const names = await readdir(path.dirname(auditPath)).catch((error: unknown): string[] => {
    if (reasonOf(error) === "ENOENT") return [];
    throw error;
  });
  return names
    .filter((name) => name === start || name.startsWith(`${start}-`))
    .map((name) => path.join(path.dirname(auditPath), name));
};

/** Opens a file to read it, through no link and without waiting for another end. Null: there is nothing. Throws when it is no file. */
export const openToRead = async (file: string): Promise<FileHandle | null> => {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (reasonOf(error) === "ENOENT") return null;
    throw error;
  }
  try {
    if (!(await handle.stat()).isFile()) throw Object.assign(new Error("not a file"), { code: "NOT_A_FILE" });
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
};

/** What tells an open file from every other one, also from those that come to be when it was removed. */
export const identityOf = async (file: FileHandle): Promise<string> => {
  const { dev, ino } = await file.stat({ bigint: true });
  return `${dev}:${ino}`;
};

/** The same of what stands at a path; null: nothing does. */
export const identityAt = async (place: string): Promise<string | null> => {
  try {
    const { dev, ino } = await lstat(place, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if (reasonOf(error) === "ENOENT") return null;
    throw error;
  }
};

/** Opens a file that is new, for this user alone. */
export const openNew = (file: string): Promise<FileHandle> =>
  open(file, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);

/**
 * Keeps what is not as it should be for a person to look at, under the name `<audit file>.damaged-<n>`, which it gives. A file keeps its own
 * name too, until something takes its place, where the disk can do that.
 */
export const putAside = async (auditPath: string, what: string): Promise<string> => {
  const isFile = (await lstat(what)).isFile();
  for (let count = 1; ; count++) {
    const aside = `${auditPath}.damaged-${count}`;
    if ((await identityAt(aside)) !== null) continue;
    if (isFile && (await linked(what, aside))) return aside;
    await rename(what, aside);
    return aside;
  }
};

const linked = (file: string, name: string): Promise<boolean> =>
  link(file, name).then(
    () => true,
    () => false,
  );
