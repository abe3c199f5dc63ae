import { Brain, CircleAlert, MessageSquareText, Shapes, SquareSlash, TextQuote, Undo2 } from "lucide-react";
import { formatCount, formatDuration } from "../../ui/format.ts";
import type { Entry, EntryOf } from "../entries/entry.ts";
import { textOf } from "../entries/json.ts";
import type { Speaker } from "../entries/rows.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { beginningOf } from "./beginning.ts";
import { CopyCorner } from "./copy-corner.tsx";
import { EntryFrame, Foldable } from "./frame.tsx";
import { Markdown } from "./markdown.tsx";
import { MoreButton } from "./more-button.tsx";
import { Output } from "./output.tsx";
import { Pictures } from "./picture.tsx";
import { TreeView } from "./tree-view.tsx";

type Props<Kind extends Entry["kind"]> = { entry: EntryOf<Kind>; by: Speaker; folds: Folds };

/** Who says or does something, at the beginning of a sentence and within one. */
export const SPEAKERS = {
  agent: { first: "Claude Code", within: "Claude Code" },
  judge: { first: "The judge", within: "the judge" },
} as const satisfies Record<Speaker, { first: string; within: string }>;

/** A longer text is folded: nobody reads it unasked. */
const TEXT_MAX = 20_000;
/** A text that is no writing any more: it is shown as an output. */
const WRITING_MAX = 100_000;

const ERRORS: ReadonlyMap<string, string> = new Map([
  ["authentication_failed", "Signing in to the model’s API failed"],
  ["billing_error", "The model’s API was not paid for"],
  ["rate_limit", "The model’s rate limit is used up"],
  ["overloaded", "The model’s API is overloaded"],
  ["invalid_request", "The model’s API refused the request"],
  ["model_not_found", "The model’s API does not know this model"],
  ["server_error", "The model’s API failed"],
  ["max_output_tokens", "The answer grew too long"],
]);

const LongMarkdown = ({ text, foldKey, folds }: { text: string; foldKey: string; folds: Folds }) => {
  if (text.length <= TEXT_MAX) return <Markdown text={text} />;
  if (text.length > WRITING_MAX) return <Output text={text} foldKey={foldKey} folds={folds} label="Text" />;
  return (
    <div className="flex flex-col">
      <Markdown text={folds.isOpen(foldKey) ? text : `${beginningOf(text) ?? text} …`} />
      <MoreButton foldKey={foldKey} folds={folds} all={`Show all of it (${formatCount(text.length)} characters)`} />
    </div>
  );
};

export const AgentText = ({ entry, by, folds }: Props<"text">) => (
  <EntryFrame
    entry={entry}
    icon={entry.error === null ? MessageSquareText : CircleAlert}
    tone={entry.error === null ? "accent" : "bad"}
  >
    <div className="group/copy relative">
      {entry.error !== null && (
        <p className="font-medium text-bad">{ERRORS.get(entry.error) ?? `An error: ${entry.error.replaceAll("_", " ")}`}</p>
      )}
      <LongMarkdown text={entry.text} foldKey={`${entry.key}:text`} folds={folds} />
      {entry.cutOff && <p className="text-xs text-ink-faint">Broken off here</p>}
      <CopyCorner
        text={() => entry.text}
        label={`Copy what ${SPEAKERS[by].within} said`}
        className="absolute -top-1 right-0 bg-page"
      />
    </div>
  </EntryFrame>
);

export const Thinking = ({ entry, folds }: Props<"thinking">) => {
  const { text, redacted, tokens, durationMs, key } = entry;
  const facts = [
    tokens === null ? null : `about ${formatCount(tokens)} tokens`,
    durationMs === null || durationMs < 1000 ? null : formatDuration(durationMs),
  ].filter((fact) => fact !== null);
  const amount = facts.length > 0 && (
    <span className="nums hidden shrink-0 text-xs text-ink-faint sm:inline">{facts.join(" · ")}</span>
  );
  if (text.trim() === "") {
    return (
      <EntryFrame entry={entry} icon={Brain}>
        <p className="flex items-baseline gap-2 text-ink-faint">
          <span>{redacted ? "Thinking, which the model’s API keeps to itself" : "Thinking, which is not shown"}</span>
          {amount}
        </p>
      </EntryFrame>
    );
  }
  return (
    <EntryFrame entry={entry} icon={Brain}>
      <Foldable
        foldKey={key}
        folds={folds}
        summary={
          <>
            <span className="shrink-0 text-ink-soft">Thinking</span>
            <span className="truncate text-ink-faint italic">{text.trim().split("\n", 1)[0]}</span>
            {amount}
          </>
        }
      >
        <div className="border-l-2 border-line pl-3 text-ink-soft italic">
          <LongMarkdown text={text} foldKey={`${key}:text`} folds={folds} />
        </div>
      </Foldable>
    </EntryFrame>
  );
};

export const Prompt = ({ entry, by, folds }: Props<"prompt">) => {
  const { text, from, images, others, key } = entry;
  const firstLine = text.trim().split("\n", 1)[0];
  const told = from === null ? `Told ${SPEAKERS[by].within}` : `Told by ${from}`;
  const attached = images.length > 0 || others.length > 0;
  return (
    <EntryFrame entry={entry} icon={TextQuote}>
      <Foldable
        foldKey={key}
        folds={folds}
        usually={attached}
        summary={
          <>
            <span className="shrink-0 text-ink-soft">{told}</span>
            <span className="truncate text-ink-faint">{firstLine}</span>
          </>
        }
      >
        <div className="flex flex-col gap-2">
          {text.trim() !== "" && <Output text={text} foldKey={`${key}:out`} folds={folds} lines={40} label="What was told" />}
          <Pictures pictures={images} label="Image" />
          {others.map((block, index) => (
            <TreeView
              // biome-ignore lint/suspicious/noArrayIndexKey: the blocks of one message never change
              key={index}
              value={{ kind: textOf(block.type) ?? "block", title: textOf(block.title) ?? "" }}
              foldKey={`${key}:block${index}`}
              folds={folds}
              label="Attached"
            />
          ))}
        </div>
      </Foldable>
    </EntryFrame>
  );
};

export const Command = ({ entry, folds }: Props<"command">) => {
  const { name, args, output, isError, key } = entry;
  const summary = (
    <>
      <span className="shrink-0 font-medium">{name === "" ? "Output of a command" : <code className="code">{name}</code>}</span>
      <span className="code truncate text-ink-soft">{args}</span>
    </>
  );
  return (
    <EntryFrame entry={entry} icon={SquareSlash} tone={isError ? "bad" : "plain"}>
      {output === null || output.trim() === "" ? (
        <p className="flex min-w-0 items-baseline gap-2">{summary}</p>
      ) : (
        <Foldable
          foldKey={key}
          folds={folds}
          usually
          summary={summary}
          aside={isError && <span className="text-xs font-medium text-bad">failed</span>}
        >
          {/^(#|\|)/m.test(output) ? (
            <div className="rounded-lg border border-line bg-sunken px-3 py-2">
              <LongMarkdown text={output} foldKey={`${key}:out`} folds={folds} />
            </div>
          ) : (
            <Output text={output} isError={isError} foldKey={`${key}:out`} folds={folds} />
          )}
        </Foldable>
      )}
    </EntryFrame>
  );
};

/** What an entry that was taken back said, as far as it can be told in text. */
const saidBy = (was: Entry): string => {
  switch (was.kind) {
    case "text":
    case "thinking":
    case "prompt":
      return was.text;
    case "tool":
      return `${was.name} ${JSON.stringify(was.input, null, 2)}${was.result === null ? "" : `\n\n${was.result.text}`}`;
    default:
      return JSON.stringify(was, null, 2);
  }
};

export const Retracted = ({ entry, by, folds }: Props<"retracted">) => (
  <EntryFrame entry={entry} icon={Undo2}>
    <Foldable
      foldKey={entry.key}
      folds={folds}
      summary={
        <>
          <span className="shrink-0 text-ink-faint">{SPEAKERS[by].first} took this back</span>
          <s className="truncate text-ink-faint">{saidBy(entry.was).trim().split("\n", 1)[0]}</s>
        </>
      }
    >
      <Output text={saidBy(entry.was)} foldKey={`${entry.key}:out`} folds={folds} label="What was taken back" />
    </Foldable>
  </EntryFrame>
);

export const Unknown = ({ entry, folds }: Props<"unknown">) => (
  <EntryFrame entry={entry} icon={Shapes}>
    <Foldable
      foldKey={entry.key}
      folds={folds}
      summary={
        <>
          <span className="sr-only">Something that this page does not know: </span>
          <span className="code truncate text-ink-faint">{entry.label}</span>
          {entry.count > 1 && <span className="nums shrink-0 text-xs text-ink-faint">× {entry.count}</span>}
        </>
      }
    >
      <Output
        text={entry.bodies.map((body) => JSON.stringify(body, null, 2)).join("\n")}
        foldKey={`${entry.key}:out`}
        folds={folds}
        label="Message as it came"
      />
    </Foldable>
  </EntryFrame>
);
