import { CcrError, describeZodError, ERROR_STATUS, errorBody, RunId, WorkspacePath } from "@ccr/protocol";
import { type Context, Hono } from "hono";
import { TRANSCRIPT_FORMATS, type TranscriptFormat } from "../runs/transcript-files/download.ts";
import type { Download, Downloads, Files } from "../runs/types.ts";
import { downloadHeaders } from "./download-headers.ts";

export type DownloadsOptions = {
  /** Throws `not_found` for a run that is not there. */
  findRun: (id: RunId) => Promise<unknown>;
  downloads: Downloads;
  files: Pick<Files, "open">;
};

const FILES = {
  "work.patch": { kind: "patch", type: "text/x-diff", what: "No work of this run is kept yet: there is no patch." },
  "work.bundle": {
    kind: "bundle",
    type: "application/octet-stream",
    what: "No work of this run is kept yet: there is no bundle.",
  },
  "conversation.jsonl": {
    kind: "conversation",
    type: "application/x-ndjson",
    what: "No conversation of this run is kept yet.",
  },
} as const;

const TRANSCRIPT_TYPES = {
  md: "text/markdown; charset=utf-8",
  html: "text/html; charset=utf-8",
  jsonl: "application/x-ndjson",
} as const satisfies Record<TranscriptFormat, string>;

const nameOf = (file: string): keyof typeof FILES | null => {
  for (const name of ["work.patch", "work.bundle", "conversation.jsonl"] as const) if (name === file) return name;
  return null;
};

/** What a route gives: its type and the file's name, and what is said when there is none. */
type Asked = {
  headers: (id: RunId) => Record<string, string>;
  what: string;
  find: (id: RunId, signal: AbortSignal) => Promise<Download | null>;
};

/** Gives what is read at the reader's pace. A failure errors the stream: what was sent is then known not to be all. */
const toStream = (download: Download): ReadableStream<Uint8Array> => {
  const iterator = download.chunks[Symbol.asyncIterator]();
  const end = async (): Promise<void> => {
    await download[Symbol.asyncDispose]();
    await iterator.return?.();
  };
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const next = await iterator.next();
          if (next.done !== true) return controller.enqueue(next.value);
          await end();
          controller.close();
        } catch (error) {
          await end().catch(() => {}); // the first error is the one that counts
          controller.error(error);
        }
      },
      cancel: end,
    },
    { highWaterMark: 1 },
  );
};

/** The files of a run that a person can take away. Who may call is decided before. */
export const downloadRoutes = ({ findRun, downloads, files }: DownloadsOptions): Hono => {
  const app = new Hono();
  const refuseTo = (c: Context, error: CcrError) => c.json(errorBody(error), { status: ERROR_STATUS[error.code] });
  const named =
    (name: string, type: string): Asked["headers"] =>
    (id) => ({ "content-type": type, "content-disposition": `attachment; filename="${id}-${name}"` });
  const give = async (c: Context, { headers: headersFor, what, find }: Asked) => {
    const refuse = (error: CcrError) => refuseTo(c, error);
    const id = RunId.safeParse(c.req.param("id"));
    if (!id.success) return refuse(new CcrError("not_found", "There is no such run."));
    try {
      await findRun(id.data);
      const download = await find(id.data, c.req.raw.signal);
      if (download === null) return refuse(new CcrError("not_found", what));
      const headers = {
        ...headersFor(id.data),
        "cache-control": "no-store",
        ...(download.bytes === null ? {} : { "content-length": String(download.bytes) }),
      };
      if (c.req.method === "HEAD") {
        await download[Symbol.asyncDispose]();
        return c.body(null, 200, headers);
      }
      return c.body(toStream(download), 200, headers);
    } catch (error) {
      if (error instanceof CcrError && error.code !== "internal") return refuse(error);
      throw error;
    }
  };
  app.get("/runs/:id/:file{(work\\.patch|work\\.bundle|conversation\\.jsonl)}", async (c, next) => {
    const name = nameOf(c.req.param("file"));
    if (name === null) return next();
    const { kind, type, what } = FILES[name];
    if (kind === "conversation") return give(c, { headers: named(name, type), what, find: downloads.conversation });
    // Of several repositories, the one in this folder of the workspace.
    const directory = c.req.query("directory") ?? null;
    const placed = directory === null ? name : `${directory}-${name}`;
    return give(c, { headers: named(placed, type), what, find: (id, signal) => downloads[kind](id, directory, signal) });
  });
  app.get("/runs/:id/:file{transcript\\.(md|html|jsonl)}", async (c, next) => {
    const name = c.req.param("file");
    const format = TRANSCRIPT_FORMATS.find((known) => name === `transcript.${known}`);
    if (format === undefined) return next();
    const find = (id: RunId, signal: AbortSignal) => downloads.transcript(id, format, signal);
    return give(c, { headers: named(name, TRANSCRIPT_TYPES[format]), what: "There is no such run.", find });
  });
  app.get("/runs/:id/checks/:file{\\d+-\\d+-\\d+\\.txt}", async (c) => {
    const file = c.req.param("file");
    const what = "No whole output of this check is kept: it is for a command that printed more than the transcript has.";
    const find = (id: RunId) => downloads.checkOutput(id, file.slice(0, -".txt".length));
    return give(c, { headers: named(`check-${file}`, "text/plain; charset=utf-8"), what, find });
  });
  app.get("/runs/:id/file", async (c) => {
    const path = WorkspacePath.safeParse(c.req.query("path"));
    if (!path.success) return refuseTo(c, new CcrError("bad_request", `path: ${describeZodError(path.error)}`));
    return give(c, {
      headers: () => downloadHeaders(path.data, { asImage: c.req.query("as") === "image" }),
      what: "No work of this run is kept: there are no files.",
      find: (runId, signal) => files.open({ runId, path: path.data }, signal),
    });
  });
  return app;
};
