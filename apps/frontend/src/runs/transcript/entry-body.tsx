import type { Entry } from "../entries/entry.ts";
import type { Speaker } from "../entries/rows.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { AgentText, Command, Prompt, Retracted, Thinking, Unknown } from "./agent-entries.tsx";
import { CheckLine, Judge } from "./check-entries.tsx";
import { Note, Outcome, Refused, StageLine, StatusChange, StepEnd, StepStart } from "./runner-entries.tsx";
import { AgentNotice, Compact, Hook, Init, RateLimit, Retry, Signals } from "./system-entries.tsx";
import { AskedPerson, ConfiguredByPerson, HostAllowedByPerson, InterruptedByPerson, SaidByPerson } from "./talk-entries.tsx";
import { ToolCall } from "./tools/tool-call.tsx";
import { TurnResult } from "./turn-entry.tsx";

type Props = { entry: Entry; by: Speaker; folds: Folds; runEnded: boolean };

/** What an entry shows, by its kind. */
export const EntryBody = ({ entry, by, folds, runEnded }: Props) => {
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
    case "said":
      return <SaidByPerson entry={entry} />;
    case "question":
      return <AskedPerson entry={entry} runEnded={runEnded} />;
    case "interrupted":
      return <InterruptedByPerson entry={entry} />;
    case "configured":
      return <ConfiguredByPerson entry={entry} />;
    case "host_allowed":
      return <HostAllowedByPerson entry={entry} />;
    case "status":
      return <StatusChange entry={entry} {...common} />;
  }
};
