import type { Message } from "@ccr/protocol";
import type { Builder } from "./derive.ts";
import type { Stage, ToolEntry } from "./entry.ts";
import { toolSubject } from "./tool-subject.ts";

/** What goes on at this moment. */
export type Activity =
  | { kind: "idle" }
  | { kind: "stage"; stage: Stage; text: string; since: string }
  | { kind: "thinking"; since: string }
  | { kind: "tool"; name: string; subject: string; since: string }
  | { kind: "retrying"; attempt: number; maxRetries: number; since: string }
  /** The conversation is summed up to make room. */
  | { kind: "compacting"; since: string }
  | { kind: "check"; command: string; since: string }
  /** `doing`: the call that the judge has made, if it waits for one. */
  | { kind: "judge"; doing: string | null; since: string };

export const idle: Activity = { kind: "idle" };

const newestOpenCall = (builder: Builder): ToolEntry | null => {
  const place = [...builder.openCalls.values()].at(-1);
  const entry = place === undefined ? undefined : builder.tree.at(place);
  return entry?.kind === "tool" ? entry : null;
};

const subjectOf = ({ name, input, about }: ToolEntry): string => toolSubject(name, input, about);

const describeCall = (call: ToolEntry): string => {
  const subject = subjectOf(call);
  return subject === "" ? call.name : `${call.name} ${subject}`;
};

const ofAgent = (message: Extract<Message, { source: "agent" }>, builder: Builder): Activity => {
  const { body, at } = message;
  if (body.type === "result") return idle;
  if (body.type === "system" && body.subtype === "api_retry") {
    return { kind: "retrying", attempt: Number(body.attempt), maxRetries: Number(body.max_retries), since: at };
  }
  if (body.type === "system" && body.subtype === "status" && body.status === "compacting")
    return { kind: "compacting", since: at };
  const call = newestOpenCall(builder);
  const since = call?.at ?? at;
  if (builder.judge !== null) return { kind: "judge", doing: call === null ? null : describeCall(call), since };
  if (call === null) return { kind: "thinking", since };
  return { kind: "tool", name: call.name, subject: subjectOf(call), since };
};

/** What goes on after one more message, which the builder has seen already. */
export const advanceActivity = (activity: Activity, message: Message, builder: Builder): Activity => {
  if (message.source === "agent") return ofAgent(message, builder);
  const { body, at } = message;
  switch (body.type) {
    case "stage":
      if (body.state === "finished" || body.state === "failed") return idle;
      return {
        kind: "stage",
        stage: body.stage,
        text: body.text,
        since: activity.kind === "stage" && activity.stage === body.stage ? activity.since : at,
      };
    case "execution_started":
      return builder.judge === null ? { kind: "thinking", since: at } : { kind: "judge", doing: null, since: at };
    case "check_started":
      return { kind: "check", command: body.command, since: at };
    case "judge_started":
      return { kind: "judge", doing: null, since: at };
    case "judge_finished":
    case "execution_ended":
    case "check_finished":
    case "step_finished":
      return idle;
    default:
      return activity;
  }
};

/** What goes on, in words: `subject` is the command, path or the like that it is about. It can stand in a sentence, which it begins or goes on. */
export type Doing = { words: string; subject: string; since: string };

const VERBS: Readonly<Record<string, string>> = {
  Bash: "running",
  Read: "reading",
  Edit: "editing",
  MultiEdit: "editing",
  NotebookEdit: "editing",
  Write: "writing",
  Grep: "searching for",
  Glob: "looking for files",
  WebFetch: "fetching",
  WebSearch: "searching the web for",
  Task: "a subagent works:",
  Agent: "a subagent works:",
  TodoWrite: "updating its list:",
  TaskCreate: "updating its list:",
  TaskUpdate: "updating its list:",
};

/** What goes on, for people; null when nothing particular does. */
export const doingOf = (activity: Activity): Doing | null => {
  switch (activity.kind) {
    case "idle":
      return null;
    case "stage":
      return { words: activity.text, subject: "", since: activity.since };
    case "thinking":
      return { words: "Claude Code is thinking", subject: "", since: activity.since };
    case "compacting":
      return { words: "Claude Code sums up the conversation", subject: "", since: activity.since };
    case "tool": {
      const { name, subject, since } = activity;
      const words = VERBS[name] ?? `using ${name.replace(/^mcp__/, "").replaceAll("__", " · ")}${subject === "" ? "" : ":"}`;
      return { words, subject, since };
    }
    case "retrying": {
      const { attempt, maxRetries, since } = activity;
      return {
        words: `the model’s API did not answer well, Claude Code tries again (${attempt} of ${maxRetries})`,
        subject: "",
        since,
      };
    }
    case "check":
      return { words: "checking:", subject: activity.command, since: activity.since };
    case "judge":
      return {
        words: `a judge looks at the checks in prose${activity.doing === null ? "" : ":"}`,
        subject: activity.doing ?? "",
        since: activity.since,
      };
  }
};

/** What goes on as the beginning of a sentence, without a full stop; null when nothing particular does. */
export const describeActivity = (activity: Activity): string | null => {
  const doing = doingOf(activity);
  if (doing === null) return null;
  const text = doing.subject === "" ? doing.words : `${doing.words} ${doing.subject}`;
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
};
