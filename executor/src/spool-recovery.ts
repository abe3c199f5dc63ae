import type { FileHandle } from "node:fs/promises";
import { SpoolEvent } from "@ccr/protocol";

/** Where a line begins; kept for some lines only, so that a resuming reader does not read the file from its start. */
export interface Landmark {
  seq: number;
  offset: number;
}

/** An execution as the spool holds it. `endOffset` is null while it runs, or when the executor died while it ran. */
export interface SpooledExecution {
  executionId: string;
  /** `seq` and offset of its `execution_started`. */
  firstSeq: number;
  endSeq: number | null;
  endOffset: number | null;
}

export interface RecoveredSpool {
  lastSeq: number;
  /** The length of what is whole; anything behind it is a torn line. */
  length: number;
  landmarks: Landmark[];
  executions: SpooledExecution[];
  /** The conversation that the newest agent message belongs to. */
  sessionId: string | null;
}

const CHUNK_BYTES = 1024 * 1024;
// Long enough for `{"seq":…,"at":"…","source":"runner"`.
const HEAD_BYTES = 120;
// So that finding a line reads about as much as one piece for a reader has, and the index stays below a thousandth of the file.
const LANDMARK_BYTES = 64 * 1024;
const LANDMARK_LINES = 256;

/** Whether a line is far enough from the last landmark to become one. */
export const deservesLandmark = (landmarks: readonly Landmark[], { seq, offset }: Landmark): boolean => {
  const last = landmarks.at(-1);
  return last === undefined || offset - last.offset >= LANDMARK_BYTES || seq - last.seq >= LANDMARK_LINES;
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

const readEvent = async (file: FileHandle, line: Line): Promise<SpoolEvent | null> => {
  const text = (await readRange(file, line.offset, line.length)).toString("utf8");
  try {
    const parsed = SpoolEvent.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
};

const sourceOf = (head: string): "agent" | "runner" | null => {
  const source = /^\{"seq":\d+,"at":"[^"]{1,40}","source":"(agent|runner)"/.exec(head)?.[1];
  return source === "agent" || source === "runner" ? source : null;
};

/**
 * Reads a spool file from end to end in bounded memory and says what is whole in it. The file is not changed: a torn last line (no
 * newline, or no event) is simply not counted in `length`.
 */
export const recoverSpool = async (file: FileHandle): Promise<RecoveredSpool> => {
  const landmarks: Landmark[] = [];
  const runnerLines: Line[] = [];
  const found: { last: Line | null; agent: Line | null; agentBeforeLast: Line | null } = {
    last: null,
    agent: null,
    agentBeforeLast: null,
  };
  let seq = 0;
  let lineOffset = 0;
  let head = "";
  let offset = 0;
  const finishLine = (end: number) => {
    seq += 1;
    const line: Line = { seq, offset: lineOffset, length: end - lineOffset };
    const source = sourceOf(head);
    found.agentBeforeLast = found.agent;
    if (source === "runner") runnerLines.push(line);
    else if (source === "agent") found.agent = line;
    if (deservesLandmark(landmarks, line)) landmarks.push({ seq, offset: line.offset });
    found.last = line;
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

  // A crash of the machine can leave a last line that has its newline and yet not all of its bytes.
  let length = lineOffset;
  if (found.last !== null && (await readEvent(file, found.last))?.seq !== seq) {
    length = found.last.offset;
    found.agent = found.agentBeforeLast;
    if (landmarks.at(-1)?.seq === seq) landmarks.pop();
    if (runnerLines.at(-1)?.seq === seq) runnerLines.pop();
    seq -= 1;
  }

  const executions: SpooledExecution[] = [];
  for (const line of runnerLines) {
    const event = await readEvent(file, line);
    if (event?.source !== "runner") continue;
    const { body } = event;
    if (body.type === "execution_started") {
      executions.push({ executionId: body.executionId, firstSeq: line.seq, endSeq: null, endOffset: null });
    } else if (body.type === "execution_ended") {
      const execution = executions.findLast((each) => each.executionId === body.executionId);
      if (execution !== undefined) {
        execution.endSeq = line.seq;
        execution.endOffset = line.offset + line.length;
      }
    }
  }
  const newest = found.agent === null ? null : await readEvent(file, found.agent);
  const sessionId = newest?.source === "agent" ? (newest.body.session_id ?? null) : null;
  return { lastSeq: seq, length, landmarks, executions, sessionId };
};
