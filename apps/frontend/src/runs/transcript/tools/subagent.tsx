import { formatCount, formatDuration, plural } from "../../../ui/format.ts";
import { textOf } from "../../entries/json.ts";
import { Markdown } from "../markdown.tsx";
import { MoreButton } from "../more-button.tsx";
import { Output } from "../output.tsx";
import { effortOf, reportOf } from "./report.ts";
import { Result, type ToolProps } from "./result.tsx";

/** A longer report is folded. */
const REPORT_MAX = 1500;

/** A subagent: what it was told, what it used, and its last words. What it did stands below, when it is opened. */
export const SubagentBody = ({ entry, folds }: ToolProps) => {
  const { input, result, key, children } = entry;
  const report = reportOf(entry);
  const { tokens, calls, durationMs, model } = effortOf(entry);
  const prompt = textOf(input.prompt);
  const foldKey = `${key}:report`;
  const long = report !== null && report.length > REPORT_MAX;
  const facts = [
    textOf(input.subagent_type),
    model ?? textOf(input.model),
    calls === null ? null : plural(calls, "call"),
    tokens === null ? null : `${formatCount(tokens)} tokens`,
    durationMs === null ? null : formatDuration(durationMs),
    textOf(input.isolation) === null ? null : `in a ${textOf(input.isolation)} of its own`,
  ].filter((fact) => fact !== null);
  return (
    <div className="flex flex-col gap-2">
      {facts.length > 0 && <p className="nums text-xs text-ink-faint [overflow-wrap:anywhere]">{facts.join(" · ")}</p>}
      {children.length === 0 && prompt !== null && (
        <Output text={prompt} foldKey={`${key}:in`} folds={folds} lines={6} label="What the subagent was told" />
      )}
      {result?.isError === true ? (
        <Result entry={entry} folds={folds} />
      ) : (
        report !== null && (
          <div className="flex flex-col gap-1 rounded-lg border border-line bg-sunken px-3 py-2">
            <p className="text-xs font-medium text-ink-soft">What it reported</p>
            <Markdown text={long && !folds.isOpen(foldKey) ? `${report.slice(0, REPORT_MAX)} …` : report} />
            {long && <MoreButton foldKey={foldKey} folds={folds} all="Show all of it" />}
          </div>
        )
      )}
    </div>
  );
};
