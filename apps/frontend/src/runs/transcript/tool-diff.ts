import { diffLines } from "../changes/line-diff.ts";
import type { PatchLine } from "../changes/patch.ts";
import type { ToolEntry } from "../entries/entry.ts";
import { isRecord, type JsonRecord, listOf, numberOf, recordOf, textOf } from "../entries/json.ts";

const hunkLines = (hunk: JsonRecord): PatchLine[] => {
  let oldLine = numberOf(hunk.oldStart) ?? 1;
  let newLine = numberOf(hunk.newStart) ?? 1;
  const lines: PatchLine[] = [];
  for (const raw of listOf(hunk.lines)) {
    const line = textOf(raw) ?? "";
    const text = line.slice(1);
    const last = lines.at(-1);
    if (line.startsWith("+")) lines.push({ kind: "added", oldLine: null, newLine: newLine++, text, noNewline: false });
    else if (line.startsWith("-")) lines.push({ kind: "removed", oldLine: oldLine++, newLine: null, text, noNewline: false });
    else if (!line.startsWith("\\"))
      lines.push({ kind: "context", oldLine: oldLine++, newLine: newLine++, text, noNewline: false });
    else if (last !== undefined) last.noNewline = true;
  }
  return lines;
};

const editsOf = ({ name, input }: ToolEntry): readonly JsonRecord[] =>
  name === "MultiEdit" ? listOf(input.edits).filter(isRecord) : [input];

/** The cell of a notebook before and after the edit. Before it was made, nobody says what the cell held. */
const cellDiff = ({ input, result }: ToolEntry): readonly PatchLine[] => {
  const structured = recordOf(result?.structured);
  const before = input.edit_mode === "insert" ? "" : (textOf(structured.old_source) ?? "");
  const after = input.edit_mode === "delete" ? "" : (textOf(structured.new_source) ?? textOf(input.new_source) ?? "");
  return diffLines(before, after);
};

/** What an edit changed: with the file's own line numbers once Claude Code has told them, before that numbered from 1. */
export const editDiff = (call: ToolEntry): readonly PatchLine[] => {
  if (call.name === "NotebookEdit") return cellDiff(call);
  const patch = listOf(recordOf(call.result?.structured).structuredPatch).filter(isRecord);
  if (patch.length > 0) return patch.flatMap(hunkLines);
  if (call.name === "Write") {
    // Without a patch, a file that was there before was written as it was.
    const isSame = recordOf(call.result?.structured).type === "update";
    return isSame ? [] : diffLines("", textOf(call.input.content) ?? "");
  }
  return editsOf(call).flatMap((edit) => diffLines(textOf(edit.old_string) ?? "", textOf(edit.new_string) ?? ""));
};
