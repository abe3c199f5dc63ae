import { isFinal, type Message, outcomeOf, type RunOutcome, RunReason, type RunStatus } from "@ccr/protocol";
import { advanceUsage, noUsage, type UsageFigures } from "../usage/figures.ts";
import { type Activity, advanceActivity, idle } from "./activity.ts";
import { addAgentMessage } from "./agent.ts";
import { type AgentMemory, newAgentMemory } from "./agent-memory.ts";
import type { Entry, Todo } from "./entry.ts";
import { addRunnerMessage } from "./runner.ts";
import { advanceSteps, type Steps } from "./steps.ts";
import { EntryTree, type Place } from "./tree.ts";

/** What the deriving of a transcript remembers between messages. */
export type Builder = {
  readonly tree: EntryTree;
  readonly calls: Map<string, Place>;
  /** Calls without a result yet, in the order in which they began. */
  readonly openCalls: Map<string, Place>;
  readonly stages: Map<string, Place>;
  /** Checks without a result yet. */
  readonly checks: Map<string, Place>;
  /** Questions without an answer yet. */
  readonly questions: Map<string, Place>;
  /** What people said and is told next: the prompt that repeats it is not shown again. */
  said: string[];
  /** A person is waited for, which a question tells. */
  isWaiting: boolean;
  /** The judge that looks at the work: what an agent says meanwhile is said by it, since the agent itself has ended its turn. */
  judge: Place | null;
  /** The instructions of the step that goes on: an execution's prompt that repeats them is not shown again. */
  instructions: string | null;
  prompt: string | null;
  /** What Claude Code last said of itself. */
  init: string | null;
  /** What each conversation has cost so far. */
  readonly costs: Map<string, number>;
  readonly agent: AgentMemory;
  todos: readonly Todo[];
  /** Claude Code noted that what goes on was interrupted. */
  interrupted: boolean;
  /** The stage that failed, whose reason the end of the run tells again. */
  failedStage: Place | null;
};

/** How a run ended, as its last message tells it. */
export type Ending = { status: RunStatus; sentence: string; outcome: RunOutcome | null; at: string };

const endingOf = (message: Message): Ending | null => {
  if (message.source !== "runner" || message.body.type !== "status" || !isFinal(message.body.status)) return null;
  const { status, sentence } = message.body;
  // A server that is newer than this page may know more reasons.
  const reason = RunReason.safeParse(message.body.reason).data ?? null;
  const outcome = outcomeOf({ status, reason, sentence, delivered: null, additionalRepositories: [] });
  return { status, sentence, outcome, at: message.at };
};

/** All that the page draws of a run's messages. */
export type Transcript = {
  readonly entries: readonly Entry[];
  readonly steps: Steps;
  /** The agent's own list of things to do, as it stands. */
  readonly todos: readonly Todo[];
  readonly activity: Activity;
  readonly status: RunStatus | null;
  /** How the run ended, once it has said so. */
  readonly ending: Ending | null;
  readonly usage: UsageFigures;
  readonly refusedCount: number;
  readonly lastSeq: number;
  /** Taken over by `extendTranscript`: only the newest transcript may be extended. */
  readonly builder: Builder;
};

export const emptyTranscript = (): Transcript => ({
  entries: [],
  steps: new Map(),
  todos: [],
  activity: idle,
  status: null,
  ending: null,
  usage: noUsage(),
  refusedCount: 0,
  lastSeq: 0,
  builder: {
    tree: new EntryTree(),
    calls: new Map(),
    openCalls: new Map(),
    stages: new Map(),
    checks: new Map(),
    questions: new Map(),
    said: [],
    isWaiting: false,
    judge: null,
    instructions: null,
    prompt: null,
    init: null,
    costs: new Map(),
    agent: newAgentMemory(),
    todos: [],
    interrupted: false,
    failedStage: null,
  },
});

/**
 * The transcript with more messages, in order of `seq`; messages that it has already are left out. What was handed out before stays as
 * it is, entries that did not change stay identical, and the cost depends on the messages added alone.
 */
export const extendTranscript = (transcript: Transcript, messages: readonly Message[]): Transcript => {
  const { builder } = transcript;
  let { steps, activity, status, ending, usage, refusedCount, lastSeq } = transcript;
  for (const message of messages) {
    if (message.seq <= lastSeq) continue;
    lastSeq = message.seq;
    try {
      if (message.source === "agent") addAgentMessage(builder, message);
      else addRunnerMessage(builder, message);
      steps = advanceSteps(steps, message);
      activity = advanceActivity(activity, message, builder);
      usage = advanceUsage(usage, message);
      ending = endingOf(message) ?? ending;
      if (message.source === "runner" && message.body.type === "status") status = message.body.status;
      if (message.source === "runner" && message.body.type === "egress_refused") refusedCount += 1;
    } catch (error) {
      // One message that is made otherwise than any before it does not hide all that come after it.
      console.error(`Message ${message.seq} could not be read`, error);
      const { seq, at, body } = message;
      const base = { key: `${seq}:unread`, seq, at };
      builder.tree.append(null, { ...base, kind: "unknown", label: `${message.source}, unreadable`, bodies: [body], count: 1 });
    }
  }
  if (lastSeq === transcript.lastSeq) return transcript;
  const entries = builder.tree.publish();
  const now = status !== null && isFinal(status) ? idle : activity;
  return { entries, steps, todos: builder.todos, activity: now, status, ending, usage, refusedCount, lastSeq, builder };
};

/** What the page shows for these messages. */
export const deriveEntries = (messages: readonly Message[]): readonly Entry[] =>
  extendTranscript(emptyTranscript(), messages).entries;
