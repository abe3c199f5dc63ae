import { ErrorBody, type RunId } from "@ccr/protocol";

/** Longer files are not shown, only downloaded. */
export const SHOWN_MAX_BYTES = 2 * 1024 * 1024;
const IMAGE_MAX_BYTES = 20 * 1024 * 1024;
// As git does: a NUL among the first bytes tells that it is no text.
const LOOKED_AT_BYTES = 8000;
/** A longer line is cut where it is shown. */
export const LINE_MAX_CHARACTERS = 2000;
const IMAGE = /\.(avif|bmp|gif|ico|jpe?g|png|webp)$/i;

/** How a file can be shown. */
export type Shown = "text" | "image" | "too_large";

/** How a file can be shown, as far as its name and its size tell. Pure. */
export const showing = (path: string, bytes: number | null): Shown => {
  if (IMAGE.test(path)) return bytes !== null && bytes > IMAGE_MAX_BYTES ? "too_large" : "image";
  return bytes !== null && bytes > SHOWN_MAX_BYTES ? "too_large" : "text";
};

/** Text as lines, or that it is none. Pure. */
export type Content =
  | {
      kind: "text";
      /** All of it as it is, with whatever ends its lines. */
      text: string;
      lines: readonly string[];
      endsWithLine: boolean;
    }
  | { kind: "binary" }
  | { kind: "too_large" };

export const toContent = (bytes: Uint8Array): Content => {
  if (bytes.subarray(0, LOOKED_AT_BYTES).includes(0)) return { kind: "binary" };
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const endsWithLine = text.endsWith("\n");
  const lines = (endsWithLine ? text.slice(0, -1) : text)
    .replace(/^\ufeff/, "")
    .split("\n")
    .map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  return { kind: "text", text, lines: text === "" ? [] : lines, endsWithLine };
};

/** Where a file of a run can be downloaded. Pure. */
export const fileUrl = (runId: RunId, path: string, asImage = false): string =>
  `/runs/${runId}/file?path=${encodeURIComponent(path)}${asImage ? "&as=image" : ""}`;

const READ_WITHIN_MS = 60_000;

class FileError extends Error {
  override readonly name = "FileError";
}

/** Reads a file to show it. Throws `FileError` with a sentence for people. */
export const readContent = async (
  { runId, path, onUnauthorized }: { runId: RunId; path: string; onUnauthorized: () => void },
  signal: AbortSignal,
): Promise<Content> => {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(READ_WITHIN_MS)]);
  const lost = (error: unknown): never => {
    signal.throwIfAborted();
    throw new FileError("The server cannot be reached. See whether it still runs, and try again.", { cause: error });
  };
  const answer = await fetch(fileUrl(runId, path), { signal: limit }).catch(lost);
  if (answer.status === 401) onUnauthorized();
  if (!answer.ok || answer.body === null) {
    const body = ErrorBody.safeParse(await answer.json().catch(() => null));
    throw new FileError(body.success ? body.data.error.message : `The server answered ${answer.status}. Try again.`);
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = answer.body.getReader();
  const read = () => reader.read().catch(lost);
  for (let next = await read(); !next.done; next = await read()) {
    parts.push(next.value);
    length += next.value.length;
    if (length > SHOWN_MAX_BYTES) {
      await reader.cancel();
      return { kind: "too_large" };
    }
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return toContent(all);
};
