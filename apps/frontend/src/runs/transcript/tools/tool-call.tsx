import {
  Bot,
  CalendarClock,
  CircleHelp,
  FilePen,
  FilePlus,
  FileText,
  FolderOpen,
  Globe,
  ListChecks,
  LoaderCircle,
  type LucideIcon,
  Map as MapIcon,
  Plug,
  Search,
  SearchCheck,
  Sparkles,
  SquareTerminal,
  Wrench,
} from "lucide-react";
import { type ReactNode, useMemo } from "react";
import { formatCount, formatDuration, plural } from "../../../ui/format.ts";
import { Elapsed } from "../../../ui/time.tsx";
import type { ToolEntry } from "../../entries/entry.ts";
import { textOf } from "../../entries/json.ts";
import { toolName } from "../../entries/tool-name.ts";
import { toolSubject } from "../../entries/tool-subject.ts";
import { CopyCorner } from "../copy-corner.tsx";
import { EntryFrame, Foldable, type Tone } from "../frame.tsx";
import { editDiff } from "../tool-diff.ts";
import { PlanBody, QuestionBody } from "./ask.tsx";
import { BashBody } from "./bash.tsx";
import { readBash } from "./bash-result.ts";
import { EditBody } from "./edit.tsx";
import { FindingsBody } from "./findings.tsx";
import { isOpenTool } from "./open-tools.ts";
import { ReadBody } from "./read.tsx";
import { readFileResult } from "./read-result.ts";
import { effortOf } from "./report.ts";
import { AnyBody, type ToolProps } from "./result.tsx";
import { foundWords, SearchBody } from "./search.tsx";
import { SubagentBody } from "./subagent.tsx";
import { TodosBody } from "./todos.tsx";
import { FetchBody, WebSearchBody } from "./web.tsx";

/** How a tool is drawn. `isProse`: what it is about are words, no code. */
type ToolLook = { icon: LucideIcon; Body: (props: ToolProps) => ReactNode; isProse?: boolean };

const any: ToolLook = { icon: Wrench, Body: AnyBody };
const edit: ToolLook = { icon: FilePen, Body: EditBody };
const search: ToolLook = { icon: Search, Body: SearchBody };
const todo: ToolLook = { icon: ListChecks, Body: TodosBody, isProse: true };
const subagent: ToolLook = { icon: Bot, Body: SubagentBody, isProse: true };
const read: ToolLook = { icon: FileText, Body: ReadBody };
const schedule: ToolLook = { icon: CalendarClock, Body: AnyBody, isProse: true };
const shell: ToolLook = { icon: SquareTerminal, Body: AnyBody };

const LOOKS: ReadonlyMap<string, ToolLook> = new Map([
  ["Bash", { icon: SquareTerminal, Body: BashBody }],
  ["BashOutput", shell],
  ["TaskOutput", shell],
  ["KillShell", shell],
  ["KillBash", shell],
  ["TaskStop", shell],
  ["Monitor", { ...shell, isProse: true }],
  ["Read", read],
  ["NotebookRead", read],
  ["Write", { ...edit, icon: FilePlus }],
  ["Edit", edit],
  ["MultiEdit", edit],
  ["NotebookEdit", edit],
  ["Grep", search],
  ["Glob", search],
  ["LS", { ...search, icon: FolderOpen }],
  ["TodoWrite", { ...todo }],
  ["TaskCreate", todo],
  ["TaskUpdate", todo],
  ["TaskGet", todo],
  ["TaskList", { ...todo }],
  ["Task", subagent],
  ["Agent", subagent],
  ["SendMessage", { ...any, icon: Bot, isProse: true }],
  ["ListAgents", { ...any, icon: Bot }],
  ["WebFetch", { icon: Globe, Body: FetchBody }],
  ["web_fetch", { icon: Globe, Body: FetchBody }],
  ["WebSearch", { icon: Globe, Body: WebSearchBody, isProse: true }],
  ["web_search", { icon: Globe, Body: WebSearchBody, isProse: true }],
  ["AskUserQuestion", { icon: CircleHelp, Body: QuestionBody, isProse: true }],
  ["ExitPlanMode", { icon: MapIcon, Body: PlanBody, isProse: true }],
  ["EnterPlanMode", { ...any, icon: MapIcon }],
  ["ReportFindings", { icon: SearchCheck, Body: FindingsBody, isProse: true }],
  ["Skill", { ...any, icon: Sparkles }],
  ["SlashCommand", { ...any, icon: Sparkles }],
  ["CronCreate", schedule],
  ["CronDelete", schedule],
  ["CronList", schedule],
  ["ScheduleWakeup", schedule],
]);

const lookOf = ({ name }: ToolEntry): ToolLook =>
  LOOKS.get(name) ?? (name.startsWith("mcp__") ? { icon: Plug, Body: AnyBody, isProse: true } : any);

const Going = ({ from, words }: { from: string; words: string | null }) => (
  <span className="flex shrink-0 items-center gap-1.5 text-xs text-accent">
    {words !== null && <span className="whitespace-nowrap">{words}</span>}
    <LoaderCircle aria-hidden className="size-3 animate-spin" />
    <span className="sr-only">running for </span>
    <Elapsed from={from} to={null} className="nums" />
  </span>
);

/** What became of a call that did not just do what it was to do; null: it did. */
const troubleOf = (entry: ToolEntry): { words: string; isBad: boolean } | null => {
  const { result, denied, task } = entry;
  if (denied !== null) return { words: "not allowed", isBad: true };
  if (result?.interrupted === true) return { words: "interrupted", isBad: false };
  if (task?.status === "failed") return { words: "failed", isBad: true };
  if (task?.status === "stopped") return { words: "stopped", isBad: false };
  if (result?.isError !== true) return null;
  const { exitCode } = entry.name === "Bash" ? readBash(entry) : { exitCode: null };
  return { words: exitCode === null ? "failed" : `exit ${exitCode}`, isBad: true };
};

/** How a call stands, in few words, on the right of its line. */
const aside = ({ entry, runEnded }: ToolProps): ReactNode => {
  const { result, at, task } = entry;
  const runsOn = task?.inBackground === true && (task.status === "running" || task.status === "paused");
  if (result === null || runsOn) {
    if (runEnded) return <span className="text-xs text-ink-faint">cut off</span>;
    return <Going from={at} words={runsOn ? (task.status === "paused" ? "paused" : "in the background") : null} />;
  }
  const trouble = troubleOf(entry);
  const end = task?.inBackground === true && task.endedAt !== null ? task.endedAt : result.at;
  const duration = Date.parse(end) - Date.parse(at);
  return (
    <span className="flex shrink-0 items-center gap-2 text-xs whitespace-nowrap">
      {trouble !== null && <span className={trouble.isBad ? "font-medium text-bad" : "text-ink-faint"}>{trouble.words}</span>}
      {trouble === null && task?.inBackground === true && <span className="text-ink-faint">ended</span>}
      {duration >= 1000 && <span className="nums text-ink-faint">{formatDuration(duration)}</span>}
    </span>
  );
};

const readWords = (entry: ToolEntry): string | null => {
  const file = readFileResult(entry);
  if (file.kind === "notebook") return plural(file.cells.length, "cell");
  if (file.kind !== "code") return null;
  const { firstLine, lineCount, totalLines } = file;
  const isPart = firstLine > 1 || (totalLines !== null && totalLines > lineCount + 1);
  if (!isPart) return plural(lineCount, "line");
  return `lines ${firstLine}–${firstLine + lineCount - 1}${totalLines === null ? "" : ` of ${totalLines}`}`;
};

const EDITS: ReadonlySet<string> = new Set(["Write", "Edit", "MultiEdit", "NotebookEdit"]);

const editWords = (entry: ToolEntry): string | null => {
  const diff = editDiff(entry);
  const count = (wanted: (typeof diff)[number]["kind"]): number => diff.filter(({ kind }) => kind === wanted).length;
  const [added, removed] = [count("added"), count("removed")];
  const parts = [added === 0 ? null : `+${added}`, removed === 0 ? null : `−${removed}`].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join(" ");
};

/** How much it is, where that is worth saying before it is opened; null else. */
const amountOf = (entry: ToolEntry): string | null => {
  const { name, result, children } = entry;
  if (name === "Task" || name === "Agent") {
    const { tokens } = effortOf(entry);
    const parts = [
      children.length === 0 ? null : plural(children.length, "entry", "entries"),
      tokens === null ? null : `${formatCount(tokens)} tokens`,
    ].filter((part) => part !== null);
    return parts.length === 0 ? null : parts.join(" · ");
  }
  if (result?.isError === true) return null;
  if (EDITS.has(name)) return editWords(entry);
  if (result === null) return null;
  if (name === "Read") return readWords(entry) ?? (result.images.length > 0 ? plural(result.images.length, "image") : null);
  return name === "Grep" || name === "Glob" ? foundWords(entry) : null;
};

const toneOf = (entry: ToolEntry): Tone => {
  if (troubleOf(entry)?.isBad === true) return entry.denied === null ? "bad" : "warn";
  return entry.name === "Task" || entry.name === "Agent" ? "accent" : "plain";
};

/** What one wants to take along of a call: its command, or the path of its file. */
const copyOf = ({ input }: ToolEntry): { text: () => string; label: string } | null => {
  const command = textOf(input.command);
  if (command !== null) return { text: () => command, label: "Copy the command" };
  const path = textOf(input.file_path) ?? textOf(input.notebook_path);
  return path === null ? null : { text: () => path, label: "Copy the path" };
};

/** One call of a tool, with its result once it has come. */
export const ToolCall = (props: ToolProps) => {
  const { entry, folds } = props;
  const { icon, Body, isProse = false } = lookOf(entry);
  const { name, server } = toolName(entry);
  const subject = toolSubject(entry.name, entry.input, entry.about);
  const amount = useMemo(() => amountOf(entry), [entry]);
  const isGoing = entry.result === null || (entry.task?.inBackground === true && entry.task.status === "running");
  const copied = copyOf(entry);
  const hasTrouble = troubleOf(entry)?.isBad === true;
  return (
    <EntryFrame entry={entry} icon={icon} tone={toneOf(entry)} className="group/copy">
      <Foldable
        foldKey={entry.key}
        folds={folds}
        usually={isOpenTool(entry.name) || hasTrouble}
        summary={
          <>
            <span className="shrink-0 font-medium">
              {server !== null && <span className="font-normal text-ink-faint">{server} · </span>}
              {name}
            </span>
            <span className={isProse ? "truncate text-ink-soft" : "code truncate text-ink-soft"} title={subject}>
              {subject}
            </span>
            {amount !== null && <span className="nums hidden shrink-0 text-xs text-ink-faint sm:inline">{amount}</span>}
            {isGoing && entry.progress !== null && (
              <span className="hidden truncate text-xs text-ink-faint sm:inline">{entry.progress}</span>
            )}
          </>
        }
        aside={aside(props)}
        action={
          copied !== null && (
            <CopyCorner {...copied} className="absolute top-1/2 right-5 -translate-y-1/2 bg-page [@media(hover:none)]:hidden" />
          )
        }
      >
        {entry.denied === null ? (
          <Body {...props} />
        ) : (
          <div className="flex flex-col gap-2">
            <p className="text-warn [overflow-wrap:anywhere]">Claude Code was not allowed to do this. {entry.denied}</p>
            {/* The result says the same to the model. */}
            <Body {...props} entry={{ ...entry, result: null }} runEnded />
          </div>
        )}
      </Foldable>
    </EntryFrame>
  );
};
