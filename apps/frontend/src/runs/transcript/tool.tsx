import {
  Bot,
  FilePen,
  FilePlus,
  FileText,
  Globe,
  ListChecks,
  LoaderCircle,
  type LucideIcon,
  Search,
  SquareTerminal,
  Wrench,
} from "lucide-react";
import type { ReactNode } from "react";
import { formatDuration, plural } from "../../ui/format.ts";
import { Elapsed } from "../../ui/time.tsx";
import { DiffLines } from "../changes/diff-lines.tsx";
import type { ToolEntry } from "../entries/entry.ts";
import { textOf } from "../entries/json.ts";
import { writtenTodos } from "../entries/todos.ts";
import { toolSubject } from "../entries/tool-subject.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { EntryFrame, Foldable } from "./frame.tsx";
import { Markdown } from "./markdown.tsx";
import { Output } from "./output.tsx";
import { TodoList } from "./todo-list.tsx";
import { editDiff } from "./tool-diff.ts";

const ICONS: Readonly<Record<string, LucideIcon>> = {
  Bash: SquareTerminal,
  Read: FileText,
  Write: FilePlus,
  Edit: FilePen,
  MultiEdit: FilePen,
  NotebookEdit: FilePen,
  Grep: Search,
  Glob: Search,
  TodoWrite: ListChecks,
  TaskCreate: ListChecks,
  TaskUpdate: ListChecks,
  TaskList: ListChecks,
  Task: Bot,
  Agent: Bot,
  WebFetch: Globe,
  WebSearch: Globe,
};

const NAMES: Readonly<Record<string, string>> = {
  TodoWrite: "Todo list",
  TaskCreate: "New todo",
  TaskUpdate: "Todo",
  TaskList: "Todo list",
  Task: "Subagent",
  Agent: "Subagent",
};

/** Calls whose input and result are worth seeing without asking. */
const OPEN: ReadonlySet<string> = new Set(["Bash", "Edit", "MultiEdit", "Write", "TodoWrite"]);
const IMAGE_TYPES: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
/** A longer command does not fit the line of its call. */
const COMMAND_LINE = 90;
/** A diff in the transcript beyond this is folded. */
const DIFF_LINES = 40;

type Props = { entry: ToolEntry; folds: Folds; runEnded: boolean };

const Images = ({ entry }: { entry: ToolEntry }) => (
  <>
    {(entry.result?.images ?? []).map(({ mediaType, base64 }, index) =>
      IMAGE_TYPES.has(mediaType) ? (
        <img
          // biome-ignore lint/suspicious/noArrayIndexKey: the images of one result never change
          key={index}
          src={`data:${mediaType};base64,${base64}`}
          alt={`What ${entry.name} gave, ${index + 1}`}
          className="max-h-96 max-w-full rounded-lg border border-line bg-sunken"
        />
      ) : (
        // biome-ignore lint/suspicious/noArrayIndexKey: the images of one result never change
        <p key={index} className="text-xs text-ink-faint">
          An image of type {mediaType}
        </p>
      ),
    )}
  </>
);

const Result = ({ entry, folds, lines }: { entry: ToolEntry; folds: Folds; lines?: number }) => {
  const { result } = entry;
  if (result === null || result.interrupted) return null;
  if (result.text === "" && result.images.length > 0) return <Images entry={entry} />;
  return (
    <div className="flex flex-col gap-2">
      <Output
        text={result.text}
        isError={result.isError}
        foldKey={`${entry.key}:out`}
        folds={folds}
        {...(lines === undefined ? {} : { lines })}
      />
      <Images entry={entry} />
    </div>
  );
};

const Json = ({ value, foldKey, folds }: { value: unknown; foldKey: string; folds: Folds }) => (
  <Output text={JSON.stringify(value, null, 2)} foldKey={foldKey} folds={folds} />
);

const BashBody = ({ entry, folds }: Props) => {
  const command = textOf(entry.input.command) ?? "";
  return (
    <div className="flex flex-col gap-2">
      {(command.includes("\n") || command.length > COMMAND_LINE) && (
        <Output text={command} foldKey={`${entry.key}:in`} folds={folds} />
      )}
      <Result entry={entry} folds={folds} />
    </div>
  );
};

const EditBody = ({ entry, folds }: Props) => {
  const diff = editDiff(entry);
  const key = `${entry.key}:diff`;
  const open = folds.isOpen(key);
  const failed = entry.result?.isError === true;
  return (
    <div className="flex flex-col gap-2">
      {diff.length > 0 && <DiffLines lines={open ? diff : diff.slice(0, DIFF_LINES)} />}
      {diff.length > DIFF_LINES && (
        <button
          type="button"
          onClick={() => folds.set(key, !open)}
          className="self-start rounded px-1 text-xs font-medium text-accent hover:underline"
        >
          {open ? "Show less" : `Show all ${plural(diff.length, "line")}`}
        </button>
      )}
      {failed && <Result entry={entry} folds={folds} />}
    </div>
  );
};

const SubagentBody = ({ entry, folds }: Props) => (
  <div className="flex flex-col gap-2">
    {entry.children.length === 0 && textOf(entry.input.prompt) !== null && (
      <Output text={textOf(entry.input.prompt) ?? ""} foldKey={`${entry.key}:in`} folds={folds} lines={6} />
    )}
    {entry.result !== null && !entry.result.isError && (
      <div className="rounded-lg border border-line bg-sunken px-3 py-2">
        <Markdown text={entry.result.text} />
      </div>
    )}
    {entry.result?.isError === true && <Result entry={entry} folds={folds} />}
  </div>
);

const body = (props: Props): ReactNode => {
  const { entry, folds } = props;
  switch (entry.name) {
    case "Bash":
      return <BashBody {...props} />;
    case "Edit":
    case "MultiEdit":
    case "Write":
      return <EditBody {...props} />;
    case "TodoWrite":
      return <TodoList todos={writtenTodos(entry.input)} />;
    case "Task":
    case "Agent":
      return <SubagentBody {...props} />;
    case "Read":
    case "Grep":
    case "Glob":
      return <Result entry={entry} folds={folds} />;
    default:
      return (
        <div className="flex flex-col gap-2">
          <Json value={entry.input} foldKey={`${entry.key}:in`} folds={folds} />
          <Result entry={entry} folds={folds} />
        </div>
      );
  }
};

/** How a call stands, in few words, on the right of its line. */
const aside = ({ entry, runEnded }: Props): ReactNode => {
  const { result, at } = entry;
  if (result === null) {
    if (runEnded) return <span className="text-xs text-ink-faint">cut off</span>;
    return (
      <span className="flex items-center gap-1.5 text-xs text-accent">
        <LoaderCircle aria-hidden className="size-3 animate-spin" />
        <Elapsed from={at} to={null} className="nums" />
      </span>
    );
  }
  const duration = Date.parse(result.at) - Date.parse(at);
  return (
    <span className="flex items-center gap-2 text-xs whitespace-nowrap">
      {result.interrupted ? (
        <span className="text-ink-faint">interrupted</span>
      ) : (
        result.isError && <span className="font-medium text-bad">failed</span>
      )}
      {duration >= 1000 && <span className="nums text-ink-faint">{formatDuration(duration)}</span>}
    </span>
  );
};

const lineCount = (entry: ToolEntry): string | null =>
  (entry.name === "Read" || entry.name === "Grep" || entry.name === "Glob") && entry.result !== null && !entry.result.isError
    ? plural(entry.result.text.trimEnd().split("\n").length, "line")
    : null;

/** One call of a tool, with its result once it has come. */
export const ToolCall = (props: Props) => {
  const { entry, folds } = props;
  const { name, children, result, progress } = entry;
  const subject = toolSubject(name, entry.input, entry.about);
  const count = lineCount(entry);
  const failed = result?.isError === true && !result.interrupted;
  const isSubagent = children.length > 0 || name === "Task" || name === "Agent";
  return (
    <EntryFrame entry={entry} icon={ICONS[name] ?? Wrench} tone={failed ? "bad" : isSubagent ? "accent" : "plain"}>
      <Foldable
        foldKey={entry.key}
        folds={folds}
        usually={OPEN.has(name) || failed}
        summary={
          <>
            <span className="shrink-0 font-medium">{NAMES[name] ?? name.replace(/^mcp__/, "").replaceAll("__", " · ")}</span>
            <span
              className={name === "Task" || name === "Agent" ? "truncate text-ink-soft" : "code truncate text-ink-soft"}
              title={subject}
            >
              {subject}
            </span>
            {count !== null && <span className="hidden shrink-0 text-xs text-ink-faint sm:inline">{count}</span>}
            {children.length > 0 && (
              <span className="shrink-0 text-xs text-ink-faint">{plural(children.length, "entry", "entries")}</span>
            )}
            {result === null && progress !== null && <span className="truncate text-xs text-ink-faint">{progress}</span>}
          </>
        }
        aside={aside(props)}
      >
        {body(props)}
      </Foldable>
    </EntryFrame>
  );
};
