import { formatBytes, formatDuration } from "../../../ui/format.ts";
import type { ToolEntry } from "../../entries/entry.ts";
import { numberOf, recordOf, textOf } from "../../entries/json.ts";

/** What a command printed, how it ended, and what else is to be said of it. */
export type BashResult = { output: string; exitCode: number | null; notes: readonly string[] };

/** How Claude Code begins the result of a command that did not exit with 0. */
const EXIT_CODE = /^Exit code (\d{1,5})(?:\n|$)/;
/** What it says in place of an output. */
const NO_OUTPUT = /^\((?:Bash|Shell|Command) completed with no output\)$/;

const gitNotes = (operation: unknown): string[] => {
  const { commit, push, branch, pr } = recordOf(operation);
  const said = [
    textOf(recordOf(commit).sha) === null
      ? null
      : `${textOf(recordOf(commit).kind) ?? "committed"} ${textOf(recordOf(commit).sha)?.slice(0, 12)}`,
    textOf(recordOf(push).branch) === null ? null : `pushed ${textOf(recordOf(push).branch)}`,
    textOf(recordOf(branch).ref) === null
      ? null
      : `${textOf(recordOf(branch).action) ?? "changed"} ${textOf(recordOf(branch).ref)}`,
    numberOf(recordOf(pr).number) === null
      ? null
      : `pull request ${numberOf(recordOf(pr).number)} ${textOf(recordOf(pr).action) ?? ""}`.trim(),
  ];
  return said.filter((each) => each !== null);
};

/** Reads the result of a command from Claude Code's own form of it, and from its words. Pure. */
export const readBash = ({ input, result }: ToolEntry): BashResult => {
  if (result === null) return { output: "", exitCode: null, notes: [] };
  const structured = recordOf(result.structured);
  const [head = "", code] = (result.isError ? EXIT_CODE.exec(result.text) : null) ?? [];
  const timedOut = numberOf(structured.timedOutAfterMs);
  const keptSize = numberOf(structured.persistedOutputSize);
  const keptPath = textOf(structured.persistedOutputPath) ?? textOf(structured.rawOutputPath);
  const background = textOf(structured.backgroundTaskId);
  const notes = [
    ...(background === null ? [] : [`In the background as ${background}.`]),
    ...(timedOut === null ? [] : [`It took too long: it was moved to the background after ${formatDuration(timedOut)}.`]),
    ...(structured.interrupted === true ? ["It was interrupted."] : []),
    ...(structured.dangerouslyDisableSandbox === true || input.dangerouslyDisableSandbox === true
      ? ["It ran without Claude Code's own sandbox."]
      : []),
    ...(textOf(structured.returnCodeInterpretation) === null ? [] : [`${textOf(structured.returnCodeInterpretation)}.`]),
    ...(keptPath === null
      ? []
      : [`All of the output${keptSize === null ? "" : ` (${formatBytes(keptSize)})`} was written to ${keptPath}.`]),
    ...gitNotes(structured.gitOperation),
  ];
  const said = result.text.slice(head.length);
  // What stands in place of an output, and what is said for the model alone, is told in the notes.
  const output = NO_OUTPUT.test(said) || background !== null ? (textOf(structured.stdout) ?? "") : said;
  return { output, exitCode: code === undefined ? null : Number(code), notes };
};
