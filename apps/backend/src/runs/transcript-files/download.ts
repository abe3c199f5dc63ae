import type { Message, RunId } from "@ccr/protocol";
import type { Download } from "../types.ts";
import { HTML_FOOT, htmlHead, htmlOf } from "./html.ts";
import { markdownHead, markdownOf } from "./markdown.ts";
import { createParts, type TranscriptRun } from "./parts.ts";

export const TRANSCRIPT_FORMATS = ["md", "html", "jsonl"] as const;
export type TranscriptFormat = (typeof TRANSCRIPT_FORMATS)[number];

/** So many messages are held at once. */
const PAGE = 200;

type Read = (runId: RunId, range: { after: number; limit: number }) => Promise<readonly Message[]>;

/** What one page of messages is written as, in the order in which they come. */
const writerOf = (
  run: TranscriptRun,
  format: TranscriptFormat,
): { head: string; write: (message: Message) => string; foot: string } => {
  const parts = createParts();
  switch (format) {
    case "jsonl":
      return { head: "", write: (message) => `${JSON.stringify(message)}\n`, foot: "" };
    case "md":
      return { head: markdownHead(run), write: (message) => parts(message).map(markdownOf).join(""), foot: "" };
    case "html":
      return {
        head: htmlHead(run),
        write: (message) =>
          parts(message)
            .map((part, index) => htmlOf(part, index === 0))
            .join(""),
        foot: HTML_FOOT,
      };
  }
};

/**
 * A run's whole transcript as a file, up to its newest message at that time, read and written page by page: it takes as much memory as one page,
 * however long it is.
 */
export const transcriptDownload = (options: {
  run: TranscriptRun;
  format: TranscriptFormat;
  read: Read;
  signal: AbortSignal;
}): Download => {
  const { run, format, read, signal } = options;
  const { head, write, foot } = writerOf(run, format);
  return {
    bytes: null,
    chunks: (async function* () {
      if (head !== "") yield Buffer.from(head);
      let after = 0;
      while (after < run.lastSeq && !signal.aborted) {
        const page = await read(run.id, { after, limit: Math.min(PAGE, run.lastSeq - after) });
        const last = page.at(-1);
        if (last === undefined) break;
        const text = page.map(write).join("");
        if (text !== "") yield Buffer.from(text);
        after = last.seq;
      }
      if (foot !== "") yield Buffer.from(foot);
    })(),
    [Symbol.asyncDispose]: async () => {},
  };
};
