import { CircleAlert, CircleCheck, CircleStop } from "lucide-react";
import { useServerInfo } from "../../api/server-info.ts";
import { formatCost, formatCount, formatDuration, plural } from "../../ui/format.ts";
import type { EntryOf } from "../entries/entry.ts";
import type { Speaker } from "../entries/rows.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { SPEAKERS } from "./agent-entries.tsx";
import { EntryFrame, Foldable } from "./frame.tsx";
import { Output } from "./output.tsx";
import { TreeView } from "./tree-view.tsx";

/** Why a turn ended that did not just come to its end. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["error_max_turns", "used up the calls of the model that it may make"],
  ["error_max_budget_usd", "used up the money that it may spend"],
  ["error_max_structured_output_retries", "did not give an answer in the form that was asked for"],
  ["error_during_execution", "ended with an error"],
  ["blocking_limit", "stopped at a limit"],
  ["prompt_too_long", "ended: the conversation grew too long for the model"],
  ["image_error", "ended: an image could not be read"],
  ["model_error", "ended: the model failed"],
  ["api_error", "ended: the model’s API failed"],
  ["malformed_tool_use_exhausted", "ended: the model made calls that could not be read"],
  ["stop_hook_prevented", "was held by a hook"],
  ["hook_stopped", "was stopped by a hook"],
]);

const endOf = ({ interrupted, ok, subtype, reason, command }: EntryOf<"result">, by: Speaker): string => {
  const { first } = SPEAKERS[by];
  if (interrupted) return `${first} was interrupted`;
  if (ok && command !== null) return `The command /${command} ended`;
  if (ok) return `${first} ended its turn`;
  const why = REASONS.get(subtype === "success" ? (reason ?? "") : subtype) ?? REASONS.get(reason ?? "");
  return `${first} ${why ?? `ended with an error (${(reason ?? subtype).replaceAll("_", " ")})`}`;
};

const Models = ({ models }: Pick<EntryOf<"result">, "models">) => (
  <div className="overflow-x-auto">
    <table className="nums text-left text-xs text-ink-soft [&_td]:pr-4 [&_th]:pr-4 [&_th]:font-medium">
      <caption className="sr-only">Tokens of the conversation so far, by model</caption>
      <thead>
        <tr>
          <th scope="col">Model, so far</th>
          <th scope="col">In</th>
          <th scope="col">Out</th>
          <th scope="col">From the cache</th>
          <th scope="col">To the cache</th>
        </tr>
      </thead>
      <tbody>
        {models.map(({ model, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens }) => (
          <tr key={model}>
            <td className="code">{model}</td>
            <td>{formatCount(inputTokens)}</td>
            <td>{formatCount(outputTokens)}</td>
            <td>{formatCount(cacheReadTokens)}</td>
            <td>{formatCount(cacheWriteTokens)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

type Props = { entry: EntryOf<"result">; by: Speaker; folds: Folds };

/** The end of a turn: how it ended, what it took, and what was not allowed in it. */
export const TurnResult = ({ entry, by, folds }: Props) => {
  const info = useServerInfo();
  const { key, ok, interrupted, errors, denials, models, structured, apiStatus } = entry;
  const figures = [
    entry.turns === null || entry.turns === 0 ? null : plural(entry.turns, "model call"),
    entry.durationMs === null ? null : formatDuration(entry.durationMs),
    entry.costUsd === null || info?.demo !== false ? null : formatCost(entry.costUsd),
    entry.outputTokens === null || entry.outputTokens === 0 ? null : `${formatCount(entry.outputTokens)} tokens out`,
    apiStatus === null ? null : `the API answered ${apiStatus}`,
  ].filter((figure) => figure !== null);
  const summary = (
    <span className="min-w-0">
      <span className="font-medium">{endOf(entry, by)}</span>
      {figures.length > 0 && <span className="nums text-ink-faint"> · {figures.join(" · ")}</span>}
    </span>
  );
  const hasMore = models.length > 0 || structured !== undefined;
  return (
    <EntryFrame
      entry={entry}
      icon={interrupted ? CircleStop : ok ? CircleCheck : CircleAlert}
      tone={interrupted ? "faint" : ok ? "ok" : "bad"}
    >
      {hasMore ? (
        <Foldable foldKey={key} folds={folds} summary={summary}>
          <div className="flex flex-col gap-2">
            {structured !== undefined && <TreeView value={structured} foldKey={`${key}:answer`} folds={folds} label="Answer" />}
            {models.length > 0 && <Models models={models} />}
          </div>
        </Foldable>
      ) : (
        <p>{summary}</p>
      )}
      {errors.length > 0 && (
        <div className="pt-2">
          <Output text={errors.join("\n")} isError foldKey={`${key}:out`} folds={folds} label="Error" />
        </div>
      )}
      {denials.length > 0 && (
        <ul aria-label="Not allowed" className="pt-1 text-ink-soft">
          {denials.map(({ name, subject }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the denials of one turn never move
            <li key={index} className="truncate" title={subject}>
              <span className="text-warn">Not allowed: </span>
              {name} <code className="code">{subject}</code>
            </li>
          ))}
        </ul>
      )}
    </EntryFrame>
  );
};
