import { randomBytes } from "node:crypto";
import { unlink } from "node:fs/promises";
import { AuditRecord } from "@ccr/protocol";
import { z } from "zod";
import { openNew, openToRead } from "./beside.ts";
import { wholeLines } from "./lines.ts";

/*
 * What was begun and is not recorded yet, in a file beside the audit file. An audit record is written when a request is over: a gateway
 * that is killed would leave none of what was under way. So a line is written here before a request goes on to its server. The record in
 * the audit file names that line, which is why it is never told twice, whenever the gateway is killed. Each gateway has a file of its own,
 * which whoever opens the door next reads and removes.
 */

/** What is known of a request when it begins. */
export const BegunRequest = AuditRecord.pick({
  at: true,
  kind: true,
  method: true,
  host: true,
  port: true,
  path: true,
  rule: true,
});
export type BegunRequest = z.infer<typeof BegunRequest>;

/** A request that was begun, or that one needs no record after all. */
const Line = z.object({ id: z.string(), request: BegunRequest.nullable() });

export type BegunLog = {
  readonly path: string;
  /** Resolves with the name of the line once that survives the end of this process; rejects when it cannot be written. */
  begin(request: BegunRequest): Promise<string>;
  /** These have their records. */
  settle(ids: readonly string[]): void;
  /** This one is to have none. Never throws; what cannot be written down holds for this process. */
  forget(id: string): void;
  /** Leaves the file to whoever opens the door next, and removes it when nothing in it needs a record. */
  close(): Promise<void>;
  /** Leaves the file as it is: somebody has the door now, and reads it. */
  leave(): Promise<void>;
};

/** The file is emptied when it is longer and nothing in it is needed. */
const MAX_BYTES = 256 * 1024;

const parseLine = (text: string): z.infer<typeof Line> | null => {
  try {
    return Line.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
};

/**
 * What a gateway has begun and not taken back, by the names of the lines. A torn last line is one whose request went nowhere, and lines that
 * are none are left out. Throws when the file cannot be read.
 */
export const readBegun = async (path: string): Promise<Map<string, BegunRequest>> => {
  const found = new Map<string, BegunRequest>();
  const file = await openToRead(path);
  if (file === null) return found;
  try {
    for await (const lines of wholeLines(file)) {
      for (const text of lines) {
        const line = text === null ? null : parseLine(text);
        if (line === null) continue;
        if (line.request === null) found.delete(line.id);
        else found.set(line.id, line.request);
      }
    }
    return found;
  } finally {
    await file.close();
  }
};

/** Makes a file beside the audit file for what is begun from now on. */
export const openBegunLog = async (auditPath: string): Promise<BegunLog> => {
  // Names of earlier openings are never given again.
  const opening = randomBytes(6).toString("hex");
  const path = `${auditPath}.begun-${opening}`;
  const file = await openNew(path);
  let size = 0;
  const needed = new Set<string>();
  let count = 0;
  let last: Promise<unknown> = Promise.resolve();

  /** One after another: a line never gets between the look at what is needed and the emptying. */
  const inTurn = <Result>(act: () => Promise<Result>): Promise<Result> => {
    const result = last.then(act);
    last = result.catch(() => {});
    return result;
  };

  const emptyWhen = (isDue: () => boolean): Promise<void> =>
    inTurn(async () => {
      if (needed.size > 0 || !isDue()) return;
      await file.truncate(0);
      size = 0;
    });

  const write = (line: z.infer<typeof Line>): Promise<void> =>
    inTurn(async () => {
      const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
      for (let written = 0; written < bytes.length; )
        written += (await file.write(bytes, written, bytes.length - written, size + written)).bytesWritten;
      size += bytes.length;
    });

  const settle = (ids: readonly string[]): void => {
    for (const id of ids) needed.delete(id);
    // What cannot be emptied now is emptied later; what it says is known to be settled.
    if (needed.size === 0 && size > MAX_BYTES) emptyWhen(() => size > MAX_BYTES).catch(() => {});
  };

  return {
    path,
    begin: async (request) => {
      count += 1;
      const id = `${opening}-${count}`;
      needed.add(id);
      try {
        await write({ id, request });
      } catch (error) {
        needed.delete(id);
        throw error;
      }
      return id;
    },
    settle,
    forget: (id) => {
      write({ id, request: null }).catch(() => {});
      settle([id]);
    },
    close: async () => {
      await last;
      if (needed.size === 0) await unlink(path).catch(() => {});
      await file.close();
    },
    leave: async () => {
      await last;
      await file.close();
    },
  };
};
