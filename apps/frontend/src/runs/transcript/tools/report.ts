import type { ToolEntry } from "../../entries/entry.ts";
import { isRecord, listOf, numberOf, recordOf, textOf } from "../../entries/json.ts";

/** How Claude Code frames what a subagent reports, for the model alone. */
const FRAME = /^[\s\S]*?\[Subagent hand-back\][^\n]*The report follows:\n/;
const USED = /^\s*<tools-used-before-summary>[\s\S]*?<\/tools-used-before-summary>\s*/;
/** What it says behind a report of an older kind. */
const TRAILER = /\n*agentId: [\s\S]*$/;

const unframed = (text: string): string => {
  const framed = FRAME.test(text);
  const said = text.replace(FRAME, "").replace(USED, "");
  // Inside of the frame every line is indented.
  return framed ? said.replace(/^ {2}/gm, "").trim() : said.replace(TRAILER, "").trim();
};

/** A subagent's last words; null when there are none yet. Pure. */
export const reportOf = ({ result, task }: ToolEntry): string | null => {
  const structured = recordOf(result?.structured);
  const blocks = listOf(structured.content)
    .filter(isRecord)
    .map(({ text }) => (textOf(text) ?? "").replace(USED, "").trim())
    .filter((text) => text !== "");
  if (blocks.length > 0) return blocks.join("\n\n");
  if (structured.status === "async_launched" || structured.status === "remote_launched") return task?.report ?? null;
  if (result === null) return null;
  return unframed(result.text) || (task?.report ?? null);
};

/** What a subagent used: tokens, calls, time; null where it is not told. */
export type Effort = { tokens: number | null; calls: number | null; durationMs: number | null; model: string | null };

/** What a subagent's work took. Pure. */
export const effortOf = ({ result, task, children }: ToolEntry): Effort => {
  const structured = recordOf(result?.structured);
  const calls = children.filter(({ kind }) => kind === "tool").length;
  return {
    tokens: numberOf(structured.totalTokens) ?? task?.usage?.tokens ?? null,
    calls: numberOf(structured.totalToolUseCount) ?? task?.usage?.calls ?? (calls === 0 ? null : calls),
    durationMs: numberOf(structured.totalDurationMs) ?? task?.usage?.durationMs ?? null,
    model: textOf(structured.resolvedModel),
  };
};
