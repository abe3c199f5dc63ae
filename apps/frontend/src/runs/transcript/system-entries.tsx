import { Anchor, Cpu, Gauge, Info, LoaderCircle, OctagonAlert, Radio, RefreshCw, Shrink, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { formatCount, formatDuration, formatMoment, plural } from "../../ui/format.ts";
import { Elapsed } from "../../ui/time.tsx";
import type { Entry, EntryOf } from "../entries/entry.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { EntryFrame, Foldable, type Tone } from "./frame.tsx";
import { Output } from "./output.tsx";

type Props<Kind extends Entry["kind"]> = { entry: EntryOf<Kind>; folds: Folds; runEnded: boolean };

const Names = ({ what, names }: { what: string; names: readonly string[] }) =>
  names.length === 0 ? null : (
    <p>
      <span className="font-medium">{plural(names.length, what)}:</span>{" "}
      <span className="[overflow-wrap:anywhere]">{names.join(", ")}</span>
    </p>
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
      <div className="flex flex-col gap-1 text-xs text-ink-soft">
        {entry.cwd !== null && (
          <p>
            In <code className="code">{entry.cwd}</code>
            {entry.permissionMode !== null && `, permission mode ${entry.permissionMode}`}
          </p>
        )}
        <Names what="tool" names={entry.tools} />
        <Names what="MCP server" names={entry.servers.map(({ name, status }) => `${name} (${status})`)} />
        <Names what="kind of subagent" names={entry.agents} />
        <Names what="skill" names={entry.skills} />
        <Names what="plugin" names={entry.plugins} />
      </div>
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

const LIMIT_WORDS: Record<EntryOf<"rate_limit">["status"], string> = {
  allowed: "allows more",
  allowed_warning: "is nearly used up",
  rejected: "is used up; Claude Code waits until it is free again",
};

export const RateLimit = ({ entry }: Props<"rate_limit">) => {
  const { status, limit, used, resetsAt } = entry;
  const facts = [
    used === null ? null : `${Math.round(used * 100)} % used`,
    resetsAt === null ? null : `free again ${formatMoment(resetsAt)}`,
  ].filter((fact) => fact !== null);
  return (
    <EntryFrame entry={entry} icon={Gauge} tone={status === "rejected" ? "bad" : "warn"}>
      <p className="text-ink-soft">
        The model’s {limit} {LIMIT_WORDS[status]}
        {facts.length > 0 && <span className="nums text-ink-faint"> · {facts.join(" · ")}</span>}
      </p>
    </EntryFrame>
  );
};

const compactTokens = ({ tokensBefore, tokensAfter }: EntryOf<"compact">): string => {
  if (tokensBefore === null) return "";
  return tokensAfter === null
    ? ` (${formatCount(tokensBefore)} tokens)`
    : ` (${formatCount(tokensBefore)} tokens to ${formatCount(tokensAfter)})`;
};

export const Compact = ({ entry, folds, runEnded }: Props<"compact">) => {
  const { state, trigger, durationMs, summary, error, key } = entry;
  const going = state === "going" && !runEnded;
  if (state !== "done") {
    return (
      <EntryFrame
        entry={entry}
        icon={going ? LoaderCircle : Shrink}
        spin={going}
        tone={state === "failed" ? "warn" : going ? "accent" : "faint"}
      >
        <p className="flex items-baseline justify-between gap-3 text-ink-soft">
          <span className="[overflow-wrap:anywhere]">
            {state === "failed"
              ? `The conversation could not be summed up${error === null ? "" : `: ${error}`}`
              : "The conversation is being summed up to make room"}
          </span>
          {going && <Elapsed from={entry.at} to={null} className="nums text-xs text-accent" />}
          {state === "going" && runEnded && <span className="text-xs text-ink-faint">cut off</span>}
        </p>
      </EntryFrame>
    );
  }
  const text = (
    <span className="text-ink-soft">
      {trigger === "manual" ? "The conversation was summed up as asked" : "The conversation was summed up to make room"}
      {compactTokens(entry)}
    </span>
  );
  const took = durationMs !== null && durationMs >= 1000 && (
    <span className="nums shrink-0 text-xs text-ink-faint">{formatDuration(durationMs)}</span>
  );
  return (
    <EntryFrame entry={entry} icon={Shrink}>
      {summary === null ? (
        <p className="flex items-baseline justify-between gap-3">
          {text}
          {took}
        </p>
      ) : (
        <Foldable foldKey={key} folds={folds} summary={text} aside={took}>
          <Output text={summary} foldKey={`${key}:out`} folds={folds} lines={40} label="Summary" />
        </Foldable>
      )}
    </EntryFrame>
  );
};

const NOTICE_LOOKS = {
  info: { icon: Info, tone: "faint" },
  warning: { icon: TriangleAlert, tone: "warn" },
  error: { icon: OctagonAlert, tone: "bad" },
} as const satisfies Record<EntryOf<"notice">["level"], { icon: typeof Info; tone: Tone }>;

export const AgentNotice = ({ entry, folds }: Props<"notice">) => {
  const { level, text, more, key } = entry;
  const { icon, tone } = NOTICE_LOOKS[level];
  const said: ReactNode = (
    <span className="min-w-0 whitespace-pre-wrap text-ink-soft [overflow-wrap:anywhere]">
      {level !== "info" && <span className="sr-only">{level === "error" ? "Error: " : "Warning: "}</span>}
      {text}
    </span>
  );
  return (
    <EntryFrame entry={entry} icon={icon} tone={tone}>
      {more === null ? (
        <p>{said}</p>
      ) : (
        <Foldable foldKey={key} folds={folds} summary={said}>
          <Output text={more} foldKey={`${key}:out`} folds={folds} label="More about it" />
        </Foldable>
      )}
    </EntryFrame>
  );
};

export const Signals = ({ entry, folds }: Props<"signals">) => (
  <EntryFrame entry={entry} icon={Radio}>
    {entry.count === 1 ? (
      <p className="truncate text-ink-faint" title={entry.texts[0]}>
        {entry.texts[0]}
      </p>
    ) : (
      <Foldable
        foldKey={entry.key}
        folds={folds}
        summary={
          <>
            <span className="truncate text-ink-faint">{entry.texts.at(-1)}</span>
            <span className="nums shrink-0 text-xs text-ink-faint">{plural(entry.count, "signal")}</span>
          </>
        }
      >
        <ul className="text-xs text-ink-faint">
          {entry.texts.map((text, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: signals have no other name
            <li key={index} className="[overflow-wrap:anywhere]">
              {text}
            </li>
          ))}
          {entry.count > entry.texts.length && <li>… and {entry.count - entry.texts.length} more, in the raw view</li>}
        </ul>
      </Foldable>
    )}
  </EntryFrame>
);

const HOOK_WORDS: Record<EntryOf<"hook">["state"], string> = {
  running: "runs",
  success: "ran",
  error: "failed",
  canceled: "was canceled",
};

export const Hook = ({ entry, folds, runEnded }: Props<"hook">) => {
  const { name, event, state, output, exitCode, key } = entry;
  const going = state === "running" && !runEnded;
  const summary = (
    <>
      <span className="shrink-0 text-ink-soft">Hook</span>
      <code className="code truncate text-ink-soft">{name === "" ? event : name}</code>
    </>
  );
  const aside = going ? (
    <Elapsed from={entry.at} to={null} className="nums text-xs text-accent" />
  ) : (
    <span className={`shrink-0 text-xs ${state === "error" ? "font-medium text-bad" : "text-ink-faint"}`}>
      {state === "running" ? "cut off" : HOOK_WORDS[state]}
      {state === "error" && exitCode !== null && `, exit ${exitCode}`}
    </span>
  );
  return (
    <EntryFrame entry={entry} icon={going ? LoaderCircle : Anchor} spin={going} tone={state === "error" ? "bad" : "faint"}>
      {output.trim() === "" ? (
        <p className="flex items-baseline justify-between gap-3">
          <span className="flex min-w-0 items-baseline gap-2">{summary}</span>
          {aside}
        </p>
      ) : (
        <Foldable foldKey={key} folds={folds} summary={summary} aside={aside} usually={state === "error"}>
          <Output text={output} isError={state === "error"} foldKey={`${key}:out`} folds={folds} label="Output of the hook" />
        </Foldable>
      )}
    </EntryFrame>
  );
};
