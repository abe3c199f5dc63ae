import type { Message } from "@ccr/protocol";
import { isRecord, type JsonRecord } from "./json.ts";

/** Shorter texts are not worth looking for. */
const SHARED_FROM = 100;
/** Copies come soon after what they are copies of. */
const REMEMBERED = 64;

/**
 * Gives messages back with less to keep, for a page that holds a hundred thousand of them: a text that Claude Code says twice is held once, and
 * whole files from before an edit, which nothing shows, are left out. What the server has stays as it is.
 */
export const createSlimmer = (): ((message: Message) => Message) => {
  const known = new Map<string, string>();
  const share = (text: string): string => {
    if (text.length < SHARED_FROM) return text;
    const same = known.get(text);
    if (same !== undefined) return same;
    known.set(text, text);
    if (known.size > REMEMBERED)
      for (const oldest of known.keys()) {
        known.delete(oldest);
        break;
      }
    return text;
  };
  const slim = (value: unknown): unknown => {
    if (typeof value === "string") return share(value);
    if (Array.isArray(value)) return value.map(slim);
    return isRecord(value) ? slimRecord(value) : value;
  };
  const slimRecord = (record: JsonRecord): JsonRecord =>
    Object.fromEntries(Object.entries(record).map(([key, value]) => [key, key === "originalFile" ? null : slim(value)]));
  return (message) => {
    const { source, body } = message;
    if (source !== "agent" || (body.type !== "user" && body.type !== "assistant")) return message;
    return { ...message, body: { ...body, ...slimRecord(body) } };
  };
};
