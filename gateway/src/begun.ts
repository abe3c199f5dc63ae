import { randomBytes } from "node:crypto";
import { constants, type FileHandle, open, unlink } from "node:fs/promises";
import { AuditRecord } from "@ccr/protocol";
import { z } from "zod";

/*
 * What was begun and is not recorded yet, in a file beside the audit file. An audit record is written when a request is over: a gateway
 * that is killed would leave none of what was under way. So a line is written here before a request goes on to its server. The record in
 * the audit file names that line, which is why it is never told twice, whenever the gateway is killed.
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
  /** How many lines were there when the log was opened. */
  readonly found: number;
  /** Those of them that are not settled, by the name of their line. */
  unsettled(): [string, BegunRequest][];
  /** Resolves with the name of the line once that survives the end of this process; rejects when it cannot be written. */
  begin(request: BegunRequest): Promise<string>;
  /** These have their records. */
  settle(ids: readonly string[]): void;
  /** This one is to have none. Never throws; what cannot be written down holds for this process. */
  forget(id: string): void;
  /** Removes the file unless something in it still needs its record. */
  close(): Promise<void>;
};

/** The file is emptied when it is longer and nothing in it is needed. */
const MAX_BYTES = 256 * 1024;

export const begunPath = (auditPath: string): string => `${auditPath}.begun`;

const parseLine = (text: string): z.infer<typeof Line> | null => {
  try {
    return Line.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
};

/** Opens the file at `path`. A torn last line is one whose request went nowhere, and is written over. */
export const openBegunLog = async (path: string): Promise<BegunLog> => {
  // Never through a link: the file is written with the gateway's rights.
  const file: FileHandle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  const content = await file.readFile().catch(async (error: unknown) => {
    await file.close();
    throw error;
  });
  let size = content.lastIndexOf("\n") + 1;
  const lines = content.subarray(0, size).toString().split("\n").map(parseLine);
  const found = new Map<string, BegunRequest>();
  for (const line of lines) {
    if (line === null) continue;
    if (line.request === null) found.delete(line.id);
    else found.set(line.id, line.request);
  }
  const needed = new Set(found.keys());
  // Names of earlier openings are never given again.
  const opening = randomBytes(6).toString("hex");
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
    found: found.size,
    unsettled: () => [...found].filter(([id]) => needed.has(id)),
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
  };
};
