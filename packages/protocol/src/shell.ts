import { z } from "zod";
import { RunId, Timestamp } from "./ids.ts";

/*
 * A shell is a pseudo-terminal in a sandbox that people share with the agent: it can do what the agent can, and no more. Its output is a row of
 * bytes that are counted from its beginning; the executor keeps the last of them, so whoever says which bytes it has is given the others, once.
 */

/** Open at once in one sandbox. */
export const SHELLS_MAX = 4;
/** Ended ones whose output can still be read. */
export const ENDED_SHELLS_MAX = 4;
/** What is kept of the output of each. */
export const SHELL_SCROLLBACK_BYTES = 1024 * 1024;
/** What can be typed, or pasted, at once. */
export const SHELL_INPUT_MAX_CHARACTERS = 64 * 1024;
/** The bytes of one `output`. */
export const SHELL_OUTPUT_MAX_BYTES = 32 * 1024;

export const ShellId = z.string().regex(/^shell_[0-9a-f]{16}$/, "is not the id of a shell");
export type ShellId = z.infer<typeof ShellId>;

/** In characters. */
export const ShellSize = z.object({ cols: z.number().int().min(2).max(1000), rows: z.number().int().min(1).max(1000) });
export type ShellSize = z.infer<typeof ShellSize>;

/** `closed`: by a person. `sandbox_ended`: with its sandbox, and so with the run. */
export const ShellOutcome = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("exited"), exitCode: z.number().int() }),
  z.object({ kind: z.literal("killed"), signal: z.string().max(40) }),
  z.object({ kind: z.literal("closed") }),
  z.object({ kind: z.literal("sandbox_ended") }),
]);
export type ShellOutcome = z.infer<typeof ShellOutcome>;

const Offset = z.number().int().min(0);

export const Shell = ShellSize.extend({
  id: ShellId,
  openedAt: Timestamp,
  /** The first byte of its output that is kept, and the number of those that there were. */
  begin: Offset,
  end: Offset,
  /** null: it is open. */
  outcome: ShellOutcome.nullable(),
});
export type Shell = z.infer<typeof Shell>;
export const ShellList = z.object({ shells: z.array(Shell).max(SHELLS_MAX + ENDED_SHELLS_MAX) });

const base64 = (maxBytes: number) => z.base64().max(Math.ceil(maxBytes / 3) * 4);

/**
 * What is told of a shell: first `attached`, with what is kept of the output at that moment, then its output from where it was asked for (or from the
 * first byte that is kept, if that is later), then `ended`, with which the stream ends.
 */
export const ShellEvent = z.discriminatedUnion("type", [
  ShellSize.extend({ type: z.literal("attached"), begin: Offset, end: Offset }),
  /** `at`: the number of bytes before these. */
  z.object({ type: z.literal("output"), at: Offset, data: base64(SHELL_OUTPUT_MAX_BYTES) }),
  z.object({ type: z.literal("ended"), outcome: ShellOutcome }),
]);
export type ShellEvent = z.infer<typeof ShellEvent>;

export const ShellQuery = z.object({ id: ShellId });
/** `after`: so many bytes of the output are known. */
export const FollowShellQuery = ShellQuery.extend({ after: z.coerce.number().int().min(0).default(0) });

const typed = {
  /** Who types, of the typist's own choice. */
  writer: z.string().regex(/^[\w-]{1,64}$/, "is not a name: letters, digits, '_' and '-'"),
  /** Counts what this writer types, from 1: what was taken already is not typed twice. */
  n: z.number().int().min(1),
  text: z.string().min(1).max(SHELL_INPUT_MAX_CHARACTERS),
};
export const ShellInput = z.object({ id: ShellId, ...typed });
export type ShellInput = z.infer<typeof ShellInput>;
export const ShellInputResult = z.object({ typed: z.boolean() });
export type ShellInputResult = z.infer<typeof ShellInputResult>;
export const ShellResize = ShellSize.extend({ id: ShellId });
export type ShellResize = z.infer<typeof ShellResize>;

/** What the API takes: the same, of the sandbox of a run. */
export const ListShellsInput = z.object({ runId: RunId });
export const OpenShellInput = ShellSize.extend({ runId: RunId });
export type OpenShellInput = z.infer<typeof OpenShellInput>;
export const OfShellInput = z.object({ runId: RunId, shellId: ShellId });
export type OfShellInput = z.infer<typeof OfShellInput>;
export const TypeIntoShellInput = OfShellInput.extend(typed);
export type TypeIntoShellInput = z.infer<typeof TypeIntoShellInput>;
export const ResizeShellInput = OfShellInput.extend(ShellSize.shape);
export type ResizeShellInput = z.infer<typeof ResizeShellInput>;
export const OnShellOutputInput = OfShellInput.extend({
  /** How many bytes of the output the client has, as a decimal string (sent by EventSource clients when they reconnect). */
  lastEventId: z
    .string()
    .regex(/^\d{1,15}$/, "is not a number of bytes")
    .nullish(),
});
export type OnShellOutputInput = z.infer<typeof OnShellOutputInput>;
