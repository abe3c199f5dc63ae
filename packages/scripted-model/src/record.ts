import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import type { ToolResult } from "./request.ts";

/** What is kept of one request. The headers are kept as they came, credentials too: a test must be able to look at them. */
export interface ToolCall {
  id: string;
  name: string;
}

export interface RequestRecord {
  /** Counts from 1 in the order of arrival. */
  seq: number;
  at: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  bodyBytes: number;
  bodySha256: string;
  model: string | null;
  rule: string | null;
  /** The groups of the rule's `matches`, the whole match first: by them a script can tell whose request it was. */
  matched: string[];
  turn: number | null;
  /** The names of the tools that the client offered. */
  toolsOffered: string[];
  /** The results of tool calls that came since the model's newest answer, their texts cut. */
  toolResults: ToolResult[];
  /** What the answer calls, whether or not the client was there to the end of it. */
  toolCalls: ToolCall[];
  /** Null while nothing was sent. */
  status: number | null;
  sentBytes: number;
  /** How it ended: `left` when the client closed the connection first, `cut` when we did, `open` while it goes on. */
  end: "open" | "finished" | "cut" | "left";
  durationMs: number | null;
}

export interface Recorder {
  readonly records: readonly RequestRecord[];
  begin(request: Pick<RequestRecord, "method" | "path" | "headers">): RequestRecord;
  /** Closes the record; the file gets it as one line, in the order in which requests end. Only the first call counts. */
  end(record: RequestRecord, how: "finished" | "cut" | "left"): void;
  /** Ends when all that was recorded is in the file; throws when it could not be written. */
  close(): Promise<void>;
}

const openFile = async (path: string): Promise<WriteStream> => {
  const file = createWriteStream(path, { flags: "a", mode: 0o600 }); // it holds credentials
  await once(file, "open");
  return file;
};

/** Keeps the newest `limit` requests in memory, and all of them in the file when there is one. */
export const createRecorder = async (options: { path: string | undefined; limit: number }): Promise<Recorder> => {
  const file = options.path === undefined ? null : await openFile(options.path);
  let failure: Error | null = null;
  file?.on("error", (error) => {
    failure = error;
  });
  const records: RequestRecord[] = [];
  const started = new WeakMap<RequestRecord, number>();
  let seq = 0;
  return {
    records,
    begin: (request) => {
      seq++;
      const record: RequestRecord = {
        seq,
        at: new Date().toISOString(),
        ...request,
        bodyBytes: 0,
        bodySha256: "",
        model: null,
        rule: null,
        matched: [],
        turn: null,
        toolsOffered: [],
        toolResults: [],
        toolCalls: [],
        status: null,
        sentBytes: 0,
        end: "open",
        durationMs: null,
      };
      started.set(record, performance.now());
      records.push(record);
      if (records.length > options.limit) records.shift();
      return record;
    },
    end: (record, how) => {
      if (record.end !== "open") return;
      record.end = how;
      record.durationMs = Math.round(performance.now() - (started.get(record) ?? 0));
      file?.write(`${JSON.stringify(record)}\n`);
    },
    close: async () => {
      if (file === null) return;
      if (failure === null) await new Promise<void>((resolve) => file.end(resolve));
      if (failure !== null) throw failure;
    },
  };
};
