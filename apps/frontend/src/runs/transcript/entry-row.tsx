import { memo, type ReactNode } from "react";
import { classes } from "../../ui/classes.ts";
import type { Entry } from "../entries/entry.ts";
import type { Speaker } from "../entries/rows.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { AgentText, Command, Prompt, Retracted, Thinking, Unknown } from "./agent-entries.tsx";
import { CheckLine, Judge } from "./check-entries.tsx";
import { Note, Outcome, Refused, StageLine, StatusChange, StepEnd, StepStart } from "./runner-entries.tsx";
import { AgentNotice, Compact, Hook, Init, RateLimit, Retry, Signals } from "./system-entries.tsx";
import { isOpenTool, ToolCall } from "./tools/tool-call.tsx";
import { TurnResult } from "./turn-entry.tsx";

type Props = { entry: Entry; depth: number; by: Speaker; folds: Folds; runEnded: boolean; targeted: boolean };

const draw = ({ entry, by, folds, runEnded }: Pick<Props, "entry" | "by" | "folds" | "runEnded">): ReactNode => {
  const common = { by, folds, runEnded };
  switch (entry.kind) {
    case "text":
      return <AgentText entry={entry} {...common} />;
    case "thinking":
      return <Thinking entry={entry} {...common} />;
    case "tool":
      return <ToolCall entry={entry} {...common} />;
    case "prompt":
      return <Prompt entry={entry} {...common} />;
    case "init":
      return <Init entry={entry} {...common} />;
    case "retry":
      return <Retry entry={entry} {...common} />;
    case "compact":
      return <Compact entry={entry} {...common} />;
    case "notice":
      return <AgentNotice entry={entry} {...common} />;
    case "result":
      return <TurnResult entry={entry} {...common} />;
    case "command":
      return <Command entry={entry} {...common} />;
    case "hook":
      return <Hook entry={entry} {...common} />;
    case "rate_limit":
      return <RateLimit entry={entry} {...common} />;
    case "signals":
      return <Signals entry={entry} {...common} />;
    case "retracted":
      return <Retracted entry={entry} {...common} />;
    case "unknown":
      return <Unknown entry={entry} {...common} />;
    case "stage":
      return <StageLine entry={entry} {...common} />;
    case "step":
      return <StepStart entry={entry} {...common} />;
    case "step_end":
      return <StepEnd entry={entry} {...common} />;
    case "check":
      return <CheckLine entry={entry} {...common} />;
    case "judge":
      return <Judge entry={entry} {...common} />;
    case "outcome":
      return <Outcome entry={entry} {...common} />;
    case "refused":
      return <Refused entry={entry} {...common} />;
    case "note":
      return <Note entry={entry} {...common} />;
    case "status":
      return <StatusChange entry={entry} {...common} />;
  }
};

/** About how high an entry is before it was measured, in pixels. */
export const estimateEntryHeight = (entry: Entry): number => {
  switch (entry.kind) {
    case "text":
      return 32 + Math.ceil(entry.text.length / 90) * 22;
    case "tool":
      return isOpenTool(entry.name) ? 180 : 32;
    case "step":
      return 110;
    case "judge":
      return 190;
    default:
      return 32;
  }
};

/** One entry of the transcript. Drawn again only when it, or what is folded, changed. */
export const EntryRow = memo(({ entry, depth, by, folds, runEnded, targeted }: Props) => (
  <div
    id={`m${entry.seq}`}
    className={classes("py-1.5", depth > 0 && "border-l-2 border-line", targeted && "rounded-md bg-accent-soft")}
    style={depth > 0 ? { marginLeft: `${depth * 1.25 - 0.5}rem`, paddingLeft: "0.75rem" } : undefined}
  >
    {draw({ entry, by, folds, runEnded })}
  </div>
));
