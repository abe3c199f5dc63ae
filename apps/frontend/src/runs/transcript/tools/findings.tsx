import { plural } from "../../../ui/format.ts";
import { isRecord, listOf, numberOf, recordOf, textOf } from "../../entries/json.ts";
import { Result, type ToolProps } from "./result.tsx";

const SEVERITIES: Readonly<Record<string, string>> = { important: "important", pre_existing: "was there before", nit: "minor" };

const words = (value: unknown): string | null => textOf(value)?.toLowerCase().replaceAll("_", " ") ?? null;

/** What a review found, each with where it is and how it fails. */
export const FindingsBody = ({ entry, folds }: ToolProps) => {
  const { input, result } = entry;
  const findings = listOf(recordOf(result?.structured).findings ?? input.findings).filter(isRecord);
  if (result?.isError === true) return <Result entry={entry} folds={folds} />;
  if (findings.length === 0) return <p className="text-ink-soft">Nothing was found.</p>;
  return (
    <ol aria-label={plural(findings.length, "finding")} className="flex list-decimal flex-col gap-2 pl-5 marker:text-ink-faint">
      {findings.map(({ file, line, summary, failure_scenario, severity, category, verdict, outcome }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the findings of one review never move
        <li key={index} className="[overflow-wrap:anywhere]">
          <p className="font-medium">{textOf(summary) ?? ""}</p>
          <p className="text-xs text-ink-faint">
            <code className="code">
              {textOf(file) ?? ""}
              {numberOf(line) === null ? "" : `:${numberOf(line)}`}
            </code>
            {[SEVERITIES[textOf(severity) ?? ""] ?? null, words(category), words(verdict), words(outcome)]
              .filter((fact) => fact !== null)
              .map((fact) => ` · ${fact}`)
              .join("")}
          </p>
          {textOf(failure_scenario) !== null && <p className="text-ink-soft">{textOf(failure_scenario)}</p>}
        </li>
      ))}
    </ol>
  );
};
