import { randomBytes } from "node:crypto";
import { type FileHandle, rename, unlink } from "node:fs/promises";
import { AuditRecord, type Door } from "@ccr/protocol";
import { z } from "zod";
import { type BegunRequest, readBegun } from "./begun.ts";
import { listBeside, openNew, openToRead, putAside } from "./beside.ts";
import { wholeLines } from "./lines.ts";
import { checkOurs, type Ownership } from "./ownership.ts";
import { reasonOf } from "./reason.ts";

/*
 * Who opens a door writes a file of its own: what is good in the file of before is copied, and the copy takes that one's place. So a gateway
 * that has lost the door without knowing it writes into a file that nobody reads any more, whatever it writes and whenever, and one that
 * writes knows where its file ends.
 */

/** A record before it has its number. */
export type AuditDraft = Omit<AuditRecord, "n" | "runId">;

/** A record as it stands in the file: it names the line that was written when its request began. */
const Line = AuditRecord.extend({ begun: z.string().optional() });
type Line = z.infer<typeof Line>;

/** An audit file that is only ours, and where it ends. */
export type AuditFile = { file: FileHandle; size: number; lastNumber: number };

/** Bytes of one write. */
const BATCH_BYTES = 256 * 1024;

const parseLine = (text: string): Line | null => {
  try {
    return Line.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
};

export const writeAll = async (file: FileHandle, bytes: Buffer, position: number): Promise<void> => {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
};

/** How a record stands in the file: its number first. */
export const lineOf = ({ n, runId, ...rest }: Line): string => `${JSON.stringify({ n, runId, ...rest })}\n`;

/** The record of a request that was under way when its gateway ended. */
const interrupted = ({ rule, ...request }: BegunRequest, now: number): AuditDraft => ({
  ...request,
  decision: "allowed",
  rule: `${rule}; the gateway ended before the request did`,
  status: null,
  bytesUp: 0,
  bytesDown: 0,
  durationMs: Math.max(0, now - Date.parse(request.at)),
  usage: null,
});

/** More files are open than may be, which is no fault of this one. */
const TOO_MANY_OPEN = new Set(["EMFILE", "ENFILE"]);

/** What others have begun, and the files that say so. One that cannot be read is put aside. */
const findBegun = async (auditPath: string, note: (text: string) => void) => {
  const requests = new Map<string, BegunRequest>();
  const files = await listBeside(auditPath, "begun");
  for (const file of files) {
    try {
      for (const [name, request] of await readBegun(file)) requests.set(name, request);
    } catch (error) {
      const reason = reasonOf(error);
      if (TOO_MANY_OPEN.has(reason)) throw error;
      note(`${file} cannot be read (${reason}), and is kept as ${await putAside(auditPath, file)}`);
    }
  }
  return { requests, files };
};

/** What is at the audit file's path. `damage` says what is wrong with it, and that it is to be put aside. */
type Before = { file: FileHandle | null; damage: string | null };

const openBefore = async (auditPath: string): Promise<Before> => {
  try {
    return { file: await openToRead(auditPath), damage: null };
  } catch (error) {
    const reason = reasonOf(error);
    if (TOO_MANY_OPEN.has(reason)) throw error;
    return { file: null, damage: `cannot be read (${reason})` };
  }
};

/** Gives every good record of the file to `keep`, in order; whatever else there is, is the damage that it returns. */
const copyRecords = async (
  { file, damage }: Before,
  { runId, keep }: { runId: Door["runId"]; keep: (line: Line) => Promise<void> },
): Promise<string | null> => {
  if (file === null) return damage;
  let [last, bad] = [0, 0];
  const lines = wholeLines(file);
  for (;;) {
    const next = await lines.next().catch((error: unknown) => reasonOf(error));
    if (typeof next === "string") return `cannot be read to its end (${next})`;
    if (next.done === true) return bad === 0 ? null : `has ${bad} lines that are no records, or not in order`;
    for (const text of next.value) {
      const line = text === null ? null : parseLine(text);
      // A number that was given twice: the first is what others may have seen.
      if (line === null || line.runId !== runId || line.n <= last) {
        bad += 1;
        continue;
      }
      last = line.n;
      await keep(line);
    }
  }
};

/**
 * Takes over the audit file of a door that is ours. Goes on counting where it ends, or at `auditAfter` if that is more. What was begun and
 * never recorded, because its gateway was killed or has lost the door, is recorded now. A file that is damaged is put aside, with a note, and
 * what is good in it kept: it never keeps a door shut. Throws `forbidden` when the door was lost meanwhile.
 */
export const takeAuditFile = async (
  { auditPath, runId, auditAfter }: Pick<Door, "auditPath" | "runId" | "auditAfter">,
  { ownership, now, note }: { ownership: Ownership; now: () => number; note: (text: string) => void },
): Promise<AuditFile> => {
  const start = `${auditPath}.next-`;
  // A gateway that lost the door while it was here finds its copy gone, and cannot put it in the place of ours.
  for (const left of await listBeside(auditPath, "next"))
    if (Number.parseInt(left.slice(start.length), 10) <= ownership.number) await unlink(left).catch(() => {});
  // First what was begun: it is only forgotten there once its record is in the file.
  const begun = await findBegun(auditPath, note);
  const before = await openBefore(auditPath);
  const path = `${start}${ownership.number}-${randomBytes(6).toString("hex")}`;
  const file = await openNew(path);
  try {
    let [size, lastNumber, text] = [0, auditAfter, ""];
    const flush = async () => {
      const bytes = Buffer.from(text);
      await writeAll(file, bytes, size);
      size += bytes.length;
      text = "";
    };
    const write = async (line: Line) => {
      text += lineOf(line);
      lastNumber = Math.max(lastNumber, line.n);
      if (line.begun !== undefined) begun.requests.delete(line.begun);
      if (text.length > BATCH_BYTES) await flush();
    };
    const damage = await copyRecords(before, { runId, keep: write });
    for (const [name, request] of [...begun.requests])
      await write({ n: lastNumber + 1, runId, ...interrupted(request, now()), begun: name });
    await flush();
    await file.datasync();
    if (damage !== null) note(`${auditPath} ${damage}; it is kept as ${await putAside(auditPath, auditPath)}`);
    checkOurs(await ownership.look());
    await rename(path, auditPath);
    for (const left of begun.files) await unlink(left).catch(() => {});
    await ownership.forgetOthers();
    return { file, size, lastNumber };
  } catch (error) {
    await file.close();
    await unlink(path).catch(() => {});
    throw error;
  } finally {
    await before.file?.close();
  }
};
