import { z } from "zod";
import { type DeliveredRun, deliveriesOf, isDelivered } from "./checkout.ts";
import { type Question, waitingFor } from "./talk.ts";

export const RUN_STATUSES = [
  "queued",
  "starting",
  "running",
  "waiting",
  "canceling",
  "succeeded",
  "failed",
  "errored",
  "canceled",
] as const;
export const RunStatus = z.enum(RUN_STATUSES);
export type RunStatus = z.infer<typeof RunStatus>;

export const FINAL_STATUSES = ["succeeded", "failed", "errored", "canceled"] as const;
export type FinalStatus = (typeof FINAL_STATUSES)[number];

/** Whether a run with this status will never change again. */
export const isFinal = (status: RunStatus): status is FinalStatus => FINAL_STATUSES.some((final) => final === status);

/**
 * What a person is told about a run that has ended, or waits for somebody: a closed list. `icon` is a name of the Lucide icons.
 */
export const RUN_OUTCOMES = {
  passed: { title: "Passed", icon: "circle-check" },
  passed_no_changes: { title: "Passed without changes", icon: "circle-dot" },
  checks_failed: { title: "Checks failed", icon: "circle-x" },
  gave_up: { title: "Gave up", icon: "circle-slash" },
  network_refused: { title: "Refused by the network policy", icon: "shield-x" },
  limit_reached: { title: "Limit reached", icon: "gauge" },
  waiting: { title: "Waiting for an answer", icon: "message-circle-question" },
  canceled: { title: "Canceled", icon: "ban" },
  sandbox_lost: { title: "Sandbox lost", icon: "unplug" },
  clone_failed: { title: "Clone failed", icon: "git-branch" },
  push_failed: { title: "Push failed", icon: "cloud-off" },
  internal: { title: "Failed on the server's side", icon: "server-crash" },
} as const satisfies Record<string, { title: string; icon: string }>;
export const RunOutcomeName = z.custom<keyof typeof RUN_OUTCOMES>(
  (name) => typeof name === "string" && Object.hasOwn(RUN_OUTCOMES, name),
  "is not an outcome",
);
export type RunOutcomeName = z.infer<typeof RunOutcomeName>;

type ReasonFacts = { status: FinalStatus; outcome: RunOutcomeName; sentence: string; next: string };

/**
 * Why a run ended: a closed list. `status` and `outcome` are the ones that go with the reason; `sentence` is what a person reads, and `next`
 * what to do about it. `failed` means that the work failed, `errored` that we did.
 */
export const RUN_REASONS = {
  passed: {
    status: "succeeded",
    outcome: "passed",
    sentence: "Every step finished and its checks passed.",
    next: "Review the changes and take them over.",
  },
  passed_no_changes: {
    status: "succeeded",
    outcome: "passed_no_changes",
    sentence: "Every step finished and its checks passed; no file of the repository was changed.",
    next: "Read what Claude Code said.",
  },
  set_up: {
    status: "succeeded",
    outcome: "passed_no_changes",
    sentence: "The environment is set up, and what that left is kept.",
    next: "Launch runs with it: they begin with what it left.",
  },
  check_failed: {
    status: "failed",
    outcome: "checks_failed",
    sentence: "A check did not pass.",
    next: "Look at what the check found; then launch again with clearer instructions or more attempts, or finish the work yourself.",
  },
  check_broken: {
    status: "failed",
    outcome: "checks_failed",
    sentence: "A check could not be carried out.",
    next: "Correct the check in the task, or let its steps set up what it needs, and launch again.",
  },
  no_changes: {
    status: "failed",
    outcome: "gave_up",
    sentence: "Every step finished, but no file of the repository was changed, and the task asks for changes.",
    next: "Read what Claude Code said. If no changes is a fine result for this task, allow it there.",
  },
  agent_error: {
    status: "failed",
    outcome: "gave_up",
    sentence: "Claude Code ended a step with an error.",
    next: "Read its last messages, and launch again.",
  },
  agent_stalled: {
    status: "failed",
    outcome: "gave_up",
    sentence: "Claude Code stopped making progress and was stopped.",
    next: "Launch again; if its tools are silent for long, raise the limit on silence.",
  },
  network_refused: {
    status: "failed",
    outcome: "network_refused",
    sentence: "A check needs the network, and the policy of this server refused it.",
    next: "Allow the host that was refused, or change the check, and launch again.",
  },
  limit_turns: {
    status: "failed",
    outcome: "limit_reached",
    sentence: "The run used up its limit of turns.",
    next: "Launch again with a higher limit on turns, or with smaller steps.",
  },
  limit_budget: {
    status: "failed",
    outcome: "limit_reached",
    sentence: "The run used up its limit of money.",
    next: "Launch again with a higher budget, or with smaller steps.",
  },
  limit_time: {
    status: "failed",
    outcome: "limit_reached",
    sentence: "The run used up its limit of time.",
    next: "Launch again with a higher limit on time, or with smaller steps.",
  },
  limit_memory: {
    status: "failed",
    outcome: "limit_reached",
    sentence: "The sandbox ran out of memory.",
    next: "Launch again with a higher limit on memory.",
  },
  limit_disk: {
    status: "failed",
    outcome: "limit_reached",
    sentence: "The sandbox used up its limit of disk space.",
    next: "Launch again with a higher limit on disk space.",
  },
  push_failed: {
    status: "errored",
    outcome: "push_failed",
    sentence: "The work passed, but it could not be brought to its repository. It is kept.",
    next: "Correct what the sentence names, and push again; or take the patch.",
  },
  model_unauthorized: {
    status: "errored",
    outcome: "internal",
    sentence: "The model's API refused the server's credential.",
    next: "Correct the server's Anthropic credential, and launch again.",
  },
  model_unavailable: {
    status: "errored",
    outcome: "internal",
    sentence: "The model's API could not be used: it answered with errors, or not at all.",
    next: "Launch again later.",
  },
  repository_unreachable: {
    status: "errored",
    outcome: "clone_failed",
    sentence: "The repository could not be fetched.",
    next: "Check the repository's address and the server's credential for it, and launch again.",
  },
  repository_empty: {
    status: "errored",
    outcome: "clone_failed",
    sentence: "The repository has no commit to start from.",
    next: "Push a first commit, and launch again.",
  },
  ref_not_found: {
    status: "errored",
    outcome: "clone_failed",
    sentence: "The repository has no such branch, tag or commit.",
    next: "Launch again with a branch, tag or commit that it has.",
  },
  clone_failed: {
    status: "errored",
    outcome: "clone_failed",
    sentence: "The repository could not be checked out in the sandbox.",
    next: "Read the message of the clone, and launch again.",
  },
  // Like all of this outcome, they say that no workspace could be made ready, before any work.
  work_gone: {
    status: "errored",
    outcome: "clone_failed",
    sentence: "The work that it was to go on from is not kept any more.",
    next: "Launch the run that did it again, or start a new one with instructions that tell of it.",
  },
  work_elsewhere: {
    status: "errored",
    outcome: "clone_failed",
    sentence: "The work that it was to go on from is kept by a server that is not there.",
    next: "Start that server again, and launch this run again: nothing of that work is lost.",
  },
  setup_failed: {
    status: "errored",
    outcome: "clone_failed",
    sentence: "The environment could not be set up.",
    next: "Look at what its set-up printed, correct the environment, and launch again.",
  },
  driver_unavailable: {
    status: "errored",
    outcome: "internal",
    sentence: "No sandbox can be made: the sandbox driver is not usable now.",
    next: "Start the container engine, or do what the sentence says, and launch again.",
  },
  sandbox_failed: {
    status: "errored",
    outcome: "internal",
    sentence: "The sandbox could not be started.",
    next: "Read what it said, and launch again.",
  },
  sandbox_lost: {
    status: "errored",
    outcome: "sandbox_lost",
    sentence: "The sandbox ended before the run did.",
    next: "Take over what was kept of its work, or launch again.",
  },
  result_lost: {
    status: "errored",
    outcome: "internal",
    sentence: "The run's changes could not be brought to safety.",
    next: "Look for its work where the sentence says, or launch again.",
  },
  disk_full: {
    status: "errored",
    outcome: "internal",
    sentence: "The server's disk is full.",
    next: "Make room on the server's disk, and launch again.",
  },
  server_lost: {
    status: "errored",
    outcome: "sandbox_lost",
    sentence: "The server that drove the run is gone, and the run's sandbox cannot be reached from here.",
    next: "Take over what was kept of its work, or launch again.",
  },
  internal: {
    status: "errored",
    outcome: "internal",
    sentence: "Something went wrong in the server.",
    next: "Look into the server's log for this run, and launch again.",
  },
  canceled: {
    status: "canceled",
    outcome: "canceled",
    sentence: "The run was canceled.",
    next: "Take over what was kept of its work, or launch again.",
  },
} as const satisfies Record<string, ReasonFacts>;
export const RunReason = z.custom<keyof typeof RUN_REASONS>(
  (reason) => typeof reason === "string" && Object.hasOwn(RUN_REASONS, reason),
  "is not a reason",
);
export type RunReason = z.infer<typeof RunReason>;

/** How a run came out, for people; `next` says what to do about it. */
export const RunOutcome = z.object({
  name: RunOutcomeName,
  title: z.string(),
  icon: z.string(),
  sentence: z.string(),
  next: z.string(),
});
export type RunOutcome = z.infer<typeof RunOutcome>;

/** The outcome of a run that has ended or waits for an answer; null as long as nothing is to be said. Pure. */
export const outcomeOf = (
  run: DeliveredRun & {
    status: RunStatus;
    reason: RunReason | null;
    sentence: string | null;
    questions?: readonly Pick<Question, "kind" | "toolName">[];
  },
): RunOutcome | null => {
  const { status, reason, sentence } = run;
  if (status === "waiting") {
    const waiting = { sentence: waitingFor(run.questions ?? []), next: "Answer it on the run's page." };
    return { name: "waiting", ...RUN_OUTCOMES.waiting, ...waiting };
  }
  if (reason === null) return null;
  if (reason === "push_failed" && isDelivered(run)) {
    const { next } = RUN_REASONS.passed;
    const late = `Every step finished and its checks passed. The work was pushed to ${deliveriesOf(run)[0]?.branch} later.`;
    return { name: "passed", ...RUN_OUTCOMES.passed, sentence: late, next };
  }
  const facts = RUN_REASONS[reason];
  return { name: facts.outcome, ...RUN_OUTCOMES[facts.outcome], sentence: sentence ?? facts.sentence, next: facts.next };
};
