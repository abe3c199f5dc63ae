import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { firstSeqOfSpoolFile, SpoolEvent, spoolFileName } from "@ccr/protocol";
import { syncFolder } from "./durable-file.ts";
import { readCheckpoint } from "./spool-checkpoint.ts";
import { type DigestState, SpoolDigest, TURN_UUIDS_MAX } from "./spool-digest.ts";

/** One file of the spool: whole lines, numbered without gaps from `firstSeq` to `lastSeq` (one less than `firstSeq` when it is empty). */
export interface Segment {
  readonly firstSeq: number;
  readonly path: string;
  lastSeq: number;
  /** The length of what is whole and on disk. */
  bytes: number;
}

export interface RecoveredSpool {
  /** In order, without overlaps. Between two, events may be missing: then somebody else has removed or damaged a file. */
  segments: Segment[];
  lastSeq: number;
  ackedSeq: number;
  digest: SpoolDigest;
  /** What the digest held when all was read. */
  found: DigestState;
}

const CHUNK_BYTES = 1024 * 1024;
// Long enough for `{"seq":…,"at":"…","source":"agent","body":{"type":"assistant"`.
const HEAD_BYTES = 160;
/** The only file of an earlier version's spool. */
const SINGLE_FILE = "spool.ndjson";

/** Opens a file of the spool; refuses what somebody has put in its place: a link, or no file at all. */
export const openSegment = async (path: string, flags: number): Promise<FileHandle> => {
  const file = await open(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new Error(`${path} is not a file`);
};

interface Line {
  seq: number;
  offset: number;
  /** With the newline. */
  length: number;
}

const readRange = async (file: FileHandle, offset: number, length: number): Promise<Buffer> => {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
};

const readEvent = async (file: FileHandle, { seq, offset, length }: Line): Promise<SpoolEvent | null> => {
  const text = (await readRange(file, offset, length)).toString("utf8");
  try {
    const { data } = SpoolEvent.safeParse(JSON.parse(text));
    return data?.seq === seq ? data : null;
  } catch {
    return null;
  }
};

/** A judge's lines are passed over: the agent's conversation does not hold them. */
const HEAD = /^\{"seq":\d+,"at":"[^"]{1,40}","source":"(agent|runner)","body":(?:\{"type":"(assistant|user)")?/;

interface Scanned {
  segment: Segment;
  /** The runner's lines, and of the agent's the newest, and the newest that belong to the conversation proper. */
  lines: Line[];
}

/**
 * Reads a file from end to end in bounded memory and says what is whole in it. The file is not changed: a torn last line (no newline, or
 * no event) is simply not counted. Null when its lines are not the events that the file's name says.
 */
const scan = async (file: FileHandle, { firstSeq, path }: { firstSeq: number; path: string }): Promise<Scanned | null> => {
  const found: Record<"runner" | "agent" | "turn" | "lines", Line[]> = { runner: [], agent: [], turn: [], lines: [] };
  let seq = firstSeq - 1;
  let lineOffset = 0;
  let head = "";
  let offset = 0;
  const finishLine = (end: number) => {
    seq += 1;
    const line: Line = { seq, offset: lineOffset, length: end - lineOffset };
    const [, source, turn] = HEAD.exec(head) ?? [];
    if (source === "runner") found.runner.push(line);
    // Two of each: the last line may turn out to be torn.
    if (source === "agent") found.agent = [...found.agent.slice(-1), line];
    if (source === "agent" && turn !== undefined) found.turn = [...found.turn.slice(-TURN_UUIDS_MAX), line];
    found.lines = [...found.lines.slice(-1), line];
    lineOffset = end;
    head = "";
  };
  for (;;) {
    const chunk = await readRange(file, offset, CHUNK_BYTES);
    let from = 0;
    for (;;) {
      const newline = chunk.indexOf(10, from);
      const end = newline === -1 ? chunk.length : newline;
      if (head.length < HEAD_BYTES) head += chunk.toString("latin1", from, Math.min(end, from + HEAD_BYTES - head.length));
      if (newline === -1) break;
      finishLine(offset + newline + 1);
      from = newline + 1;
    }
    offset += chunk.length;
    if (chunk.length < CHUNK_BYTES) break;
  }
  // A crash of the machine can leave a last line that has its newline and yet not all of its bytes; one such line, and no second.
  let bytes = lineOffset;
  const [last, lastButOne] = found.lines.toReversed();
  if (last !== undefined && (await readEvent(file, last)) === null) {
    if (lastButOne !== undefined && (await readEvent(file, lastButOne)) === null) return null;
    seq -= 1;
    bytes = last.offset;
  }
  const wanted = new Map<number, Line>();
  for (const line of [...found.runner, ...found.turn, ...found.agent]) if (line.seq <= seq) wanted.set(line.seq, line);
  const lines = [...wanted.values()].sort((a, b) => a.seq - b.seq);
  return { segment: { firstSeq, path, lastSeq: seq, bytes }, lines };
};

const listSegments = async (folder: string): Promise<{ firstSeq: number; path: string }[]> => {
  const names = (await readdir(folder, { withFileTypes: true })).filter((each) => each.isFile()).map(({ name }) => name);
  return names
    .flatMap((name) => {
      const firstSeq = firstSeqOfSpoolFile(name);
      return firstSeq === null || firstSeq === 0 ? [] : [{ firstSeq, path: join(folder, name) }];
    })
    .sort((a, b) => a.firstSeq - b.firstSeq);
};

/** An earlier version kept one file; it becomes the first of the row. */
const migrate = async (folder: string): Promise<void> => {
  if ((await listSegments(folder)).length > 0) return;
  const old = await lstat(join(folder, SINGLE_FILE)).catch(() => null);
  if (old?.isFile() !== true) return;
  await rename(join(folder, SINGLE_FILE), join(folder, spoolFileName(1)));
  await syncFolder(folder);
};

/** Of an agent's message, what tells where in its conversation it stands; nothing of a judge's. */
export const positionOf = ({
  judges = false,
  body,
}: {
  judges?: boolean | undefined;
  body: { type: string; session_id?: string | undefined; uuid?: unknown };
}): { sessionId: string | null; turnUuid: string | null } => ({
  sessionId: judges ? null : (body.session_id ?? null),
  turnUuid: !judges && (body.type === "assistant" || body.type === "user") && typeof body.uuid === "string" ? body.uuid : null,
});

/**
 * Reads a spool's folder, and finishes what a death cut short: the removal of acknowledged files, and a torn last line. Files that cannot
 * be what their name says are passed over; events that are missing stay missing, and numbering goes on behind all that is known.
 */
export const recoverSpool = async (folder: string): Promise<RecoveredSpool> => {
  await migrate(folder);
  const checkpoint = await readCheckpoint(folder);
  const digest = new SpoolDigest(checkpoint ?? undefined);
  const segments: Segment[] = [];
  let ackedSeq = checkpoint?.ackedSeq ?? 0;
  let lastSeq = ackedSeq;
  for (const { firstSeq, path } of await listSegments(folder)) {
    if (checkpoint !== null && firstSeq < checkpoint.keptFromSeq) {
      await rm(path, { force: true });
      continue;
    }
    const before = segments.at(-1);
    const expected = before === undefined ? firstSeq : before.lastSeq + 1;
    if (firstSeq < expected) continue;
    const file = await openSegment(path, constants.O_RDONLY).catch(() => null);
    if (file === null) continue;
    try {
      const scanned = await scan(file, { firstSeq, path });
      // Nothing but a torn line, or nothing at all, is the beginning of the next file; anywhere else it is none of ours.
      if (scanned === null || (scanned.segment.lastSeq < firstSeq && firstSeq !== Math.max(expected, lastSeq + 1))) continue;
      // A first file that begins later than at 1 tells that what came before it was acknowledged, even when the checkpoint is lost.
      if (before === undefined && checkpoint === null) ackedSeq = firstSeq - 1;
      for (const line of scanned.lines) {
        const event = await readEvent(file, line);
        if (event === null) continue;
        digest.take(event.seq, event.source === "agent" ? { source: "agent", ...positionOf(event) } : event);
      }
      segments.push(scanned.segment);
      lastSeq = Math.max(lastSeq, scanned.segment.lastSeq);
    } finally {
      await file.close();
    }
  }
  return { segments, lastSeq, ackedSeq, digest, found: digest.get() };
};
