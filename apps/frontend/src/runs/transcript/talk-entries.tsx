import { MessageCircleQuestion, MessageSquareReply, OctagonPause, Settings2, ShieldCheck } from "lucide-react";
import type { EntryOf } from "../entries/entry.ts";
import { askedIn, MODE_LABELS, subjectOf } from "../talk/words.ts";
import { EntryFrame } from "./frame.tsx";
import { Markdown } from "./markdown.tsx";

/** What a person said while the agent was at work. */
export const SaidByPerson = ({ entry }: { entry: EntryOf<"said"> }) => (
  <EntryFrame entry={entry} icon={MessageSquareReply} tone="accent">
    <div className="rounded-lg border border-line bg-accent-soft px-3 py-2">
      <p className="mb-0.5 text-xs font-medium text-ink-soft">A person said</p>
      <Markdown text={entry.text} />
    </div>
  </EntryFrame>
);

const titleOf = ({ question }: EntryOf<"question">): string => {
  switch (question.kind) {
    case "permission":
      return `Claude Code asked whether it may use ${question.toolName ?? "a tool"}.`;
    case "plan":
      return "Claude Code asked whether it may go on with its plan.";
    case "interrupted":
      return "Claude Code waited to be told what to do.";
    case "choice":
      return askedIn(question)
        .map((asked) => asked.question)
        .join(" ");
  }
};

/** What the agent asked a person, and the answer once there is one. */
export const AskedPerson = ({ entry, runEnded }: { entry: EntryOf<"question">; runEnded: boolean }) => {
  const { question, answer } = entry;
  const subject = question.kind === "permission" ? subjectOf(question) : null;
  return (
    <EntryFrame entry={entry} icon={MessageCircleQuestion} {...(answer === null && !runEnded ? { tone: "warn" as const } : {})}>
      <div className="flex min-w-0 flex-col gap-1">
        <p className="[overflow-wrap:anywhere]">
          {titleOf(entry)}
          {subject !== null && <span className="code ml-2 text-ink-soft">{subject}</span>}
        </p>
        {answer === null ? (
          <p className="text-ink-faint">{runEnded ? "Nobody answered before the run ended." : "Nobody has answered yet."}</p>
        ) : (
          <p className="whitespace-pre-wrap text-ink-soft [overflow-wrap:anywhere]">
            {answer.by === "person" && <span className="sr-only">A person answered: </span>}
            {answer.text}
          </p>
        )}
      </div>
    </EntryFrame>
  );
};

export const InterruptedByPerson = ({ entry }: { entry: EntryOf<"interrupted"> }) => (
  <EntryFrame entry={entry} icon={OctagonPause}>
    <p className="text-ink-soft">A person broke off what Claude Code was doing.</p>
  </EntryFrame>
);

/** How a person wants the agent to work from now on. */
export const ConfiguredByPerson = ({ entry }: { entry: EntryOf<"configured"> }) => {
  const { model, permissionMode } = entry;
  const parts = [
    ...(model === undefined ? [] : [`with ${model ?? "its default model"}`]),
    ...(permissionMode === undefined ? [] : [`as “${MODE_LABELS[permissionMode].label}”`]),
  ];
  return (
    <EntryFrame entry={entry} icon={Settings2}>
      <p className="text-ink-soft">A person lets Claude Code go on {parts.join(", ")}.</p>
    </EntryFrame>
  );
};

/** What a person lets the run reach from now on. */
export const HostAllowedByPerson = ({ entry }: { entry: EntryOf<"host_allowed"> }) => (
  <EntryFrame entry={entry} icon={ShieldCheck}>
    <p className="text-ink-soft [overflow-wrap:anywhere]">
      A person allowed this run to reach{" "}
      <code className="code">
        {entry.host}:{entry.port}
      </code>
      .
    </p>
  </EntryFrame>
);
