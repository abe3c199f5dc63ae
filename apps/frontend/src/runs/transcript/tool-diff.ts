import { diffLines } from "../changes/line-diff.ts";
import type { PatchLine } from "../changes/patch.ts";
import type { ToolEntry } from "../entries/entry.ts";
import { isRecord, type JsonRecord, listOf, numberOf, recordOf, textOf } from "../entries/json.ts";

const hunkLines = (hunk: JsonRecord): PatchLine[] => {
  let oldLine = numberOf(hunk.oldStart) ?? 1;
  let newLine = numberOf(hunk.newStart) ?? 1;
  return listOf(hunk.lines).flatMap((raw): PatchLine[] => {
    const line = textOf(raw) ?? "";
    const text = line.slice(1);
    if (line.startsWith("+")) return [{ kind: "added", oldLine: null, newLine: newLine++, text, noNewline: false }];
    if (line.startsWith("-")) return [{ kind: "removed", oldLine: oldLine++, newLine: null, text, noNewline: false }];
    if (line.startsWith("\\")) return [];
    return [{ kind: "context", oldLine: oldLine++, newLine: newLine++, text, noNewline: false }];
  });
};

const editsOf = ({ name, input }: ToolEntry): readonly JsonRecord[] =>
  name === "MultiEdit" ? listOf(input.edits).filter(isRecord) : [input];

/** What an edit changed: with the file's own line numbers once Claude Code has told them, before that numbered from 1. */
export const editDiff = (call: ToolEntry): readonly PatchLine[] => {
  const patch = listOf(recordOf(call.result?.structured).structuredPatch).filter(isRecord);
  if (patch.length > 0) return patch.flatMap(hunkLines);
  if (call.name === "Write") return diffLines("", textOf(call.input.content) ?? "");
  return editsOf(call).flatMap((edit) => diffLines(textOf(edit.old_string) ?? "", textOf(edit.new_string) ?? ""));
};
