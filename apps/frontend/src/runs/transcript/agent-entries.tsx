import {
  Brain,
  CircleAlert,
  CircleCheck,
  CircleStop,
  Cpu,
  Info,
  MessageSquareText,
  RefreshCw,
  Shapes,
  Shrink,
  TextQuote,
} from "lucide-react";
import { useServerInfo } from "../../api/server-info.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { formatCost, formatCount, formatDuration, plural } from "../../ui/format.ts";
import type { EntryOf } from "../entries/entry.ts";
import type { Speaker } from "../entries/rows.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { EntryFrame, Foldable } from "./frame.tsx";
import { Markdown } from "./markdown.tsx";
import { Output } from "./output.tsx";

type Props<Kind extends Parameters<typeof EntryFrame>[0]["entry"]["kind"]> = { entry: EntryOf<Kind>; by: Speaker; folds: Folds };

/** Who says or does something, at the beginning of a sentence and within one. */
export const SPEAKERS = {
  agent: { first: "Claude Code", within: "Claude Code" },
  judge: { first: "The judge", within: "the judge" },
} as const satisfies Record<Speaker, { first: string; within: string }>;

export const AgentText = ({ entry, by }: Props<"text">) => (
  <EntryFrame
    entry={entry}
    icon={entry.error === null ? MessageSquareText : CircleAlert}
    tone={entry.error === null ? "accent" : "bad"}
  >
    <div className="group/text relative">
      <Markdown text={entry.text} />
      <span className="absolute -top-1 right-0 rounded-md bg-page opacity-0 transition-opacity group-focus-within/text:opacity-100 group-hover/text:opacity-100">
        <CopyButton text={() => entry.text} label={`Copy what ${SPEAKERS[by].within} said`} />
      </span>
    </div>
  </EntryFrame>
);

export const Thinking = ({ entry, folds }: Props<"thinking">) => (
  <EntryFrame entry={entry} icon={Brain}>
    <Foldable
      foldKey={entry.key}
      folds={folds}
      summary={
        <>
          <span className="shrink-0 text-ink-soft">Thinking</span>
          <span className="truncate text-ink-faint italic">{entry.text.split("\n", 1)[0]}</span>
        </>
      }
    >
      <div className="border-l-2 border-line pl-3 text-ink-soft italic">
        <Markdown text={entry.text} />
      </div>
    </Foldable>
  </EntryFrame>
);

export const Prompt = ({ entry, by, folds }: Props<"prompt">) => (
  <EntryFrame entry={entry} icon={TextQuote}>
    <Foldable
      foldKey={entry.key}
      folds={folds}
      summary={
        <>
          <span className="shrink-0 text-ink-soft">Told {SPEAKERS[by].within}</span>
          <span className="truncate text-ink-faint">{entry.text.trim().split("\n", 1)[0]}</span>
        </>
      }
    >
      <Output text={entry.text} foldKey={`${entry.key}:out`} folds={folds} lines={40} />
    </Foldable>
  </EntryFrame>
);

export const Init = ({ entry, folds }: Props<"init">) => (
  <EntryFrame entry={entry} icon={Cpu}>
    <Foldable
      foldKey={entry.key}
      folds={folds}
      summary={
        <span className="truncate text-ink-faint">
          Claude Code{entry.version === null ? "" : ` ${entry.version}`}
          {entry.model === null ? "" : ` with ${entry.model}`}
        </span>
      }
    >
      <p className="text-xs text-ink-soft">
        {entry.cwd !== null && (
          <>
            In <code className="code">{entry.cwd}</code>.{" "}
          </>
        )}
        {plural(entry.tools.length, "tool")}: {entry.tools.join(", ")}
      </p>
    </Foldable>
  </EntryFrame>
);

export const Retry = ({ entry }: Props<"retry">) => (
  <EntryFrame entry={entry} icon={RefreshCw} tone="warn">
    <p className="text-ink-soft">
      The model’s API {entry.status === null ? "did not answer" : `answered ${entry.status}`} ({entry.error.replaceAll("_", " ")}
      ). Try {entry.attempt} of {entry.maxRetries}, in {formatDuration(entry.delayMs)}.
    </p>
  </EntryFrame>
);

export const Compact = ({ entry }: Props<"compact">) => (
  <EntryFrame entry={entry} icon={Shrink}>
    <p className="text-ink-soft">
      The conversation was summed up to make room
      {entry.tokensBefore !== null && ` (${formatCount(entry.tokensBefore)} tokens`}
      {entry.tokensBefore !== null && entry.tokensAfter !== null && ` to ${formatCount(entry.tokensAfter)}`}
      {entry.tokensBefore !== null && ")"}.
    </p>
  </EntryFrame>
);

export const AgentNotice = ({ entry }: Props<"notice">) => (
  <EntryFrame
    entry={entry}
    icon={entry.level === "warning" ? CircleAlert : Info}
    tone={entry.level === "warning" ? "warn" : "faint"}
  >
    <p className="whitespace-pre-wrap text-ink-soft [overflow-wrap:anywhere]">{entry.text}</p>
  </EntryFrame>
);

const endOf = ({ interrupted, ok, subtype }: EntryOf<"result">, by: Speaker): string => {
  const { first } = SPEAKERS[by];
  if (interrupted) return `${first} was interrupted`;
  return ok ? `${first} ended its turn` : `${first} ended with an error (${subtype.replaceAll("_", " ")})`;
};

export const TurnResult = ({ entry, by, folds }: Props<"result">) => {
  const info = useServerInfo();
  const figures = [
    entry.turns === null ? null : plural(entry.turns, "model call"),
    entry.durationMs === null ? null : formatDuration(entry.durationMs),
    entry.costUsd === null || info?.demo !== false ? null : formatCost(entry.costUsd),
    entry.outputTokens === null ? null : `${formatCount(entry.outputTokens)} tokens out`,
  ].filter((figure) => figure !== null);
  return (
    <EntryFrame
      entry={entry}
      icon={entry.interrupted ? CircleStop : entry.ok ? CircleCheck : CircleAlert}
      tone={entry.interrupted ? "faint" : entry.ok ? "ok" : "bad"}
    >
      <p>
        <span className="font-medium">{endOf(entry, by)}</span>
        <span className="nums text-ink-faint"> · {figures.join(" · ")}</span>
      </p>
      {entry.errors.length > 0 && (
        <div className="pt-2">
          <Output text={entry.errors.join("\n")} isError foldKey={`${entry.key}:out`} folds={folds} />
        </div>
      )}
    </EntryFrame>
  );
};

export const Unknown = ({ entry, folds }: Props<"unknown">) => (
  <EntryFrame entry={entry} icon={Shapes}>
    <Foldable
      foldKey={entry.key}
      folds={folds}
      summary={
        <>
          <span className="code truncate text-ink-faint">{entry.label}</span>
          {entry.count > 1 && <span className="nums shrink-0 text-xs text-ink-faint">× {entry.count}</span>}
        </>
      }
    >
      <Output
        text={entry.bodies.map((body) => JSON.stringify(body, null, 2)).join("\n")}
        foldKey={`${entry.key}:out`}
        folds={folds}
      />
    </Foldable>
  </EntryFrame>
);
