import { isFinal, type Message, type Run } from "@ccr/protocol";
import { z } from "zod";
import { canonical } from "./canonical.ts";
import type { Finding, Kind } from "./findings.ts";
import type { ResultGiven } from "./model-record.ts";
import { checkLine, STEPS, workLines } from "./script.ts";
import type { SpoolSeen } from "./spools.ts";

/** All that is known of a run from outside and from the store, when it has ended. */
export type Evidence = {
  mark: string;
  calls: number;
  run: Pick<Run, "status" | "reason" | "sentence" | "lastSeq">;
  stored: readonly Message[];
  spools: readonly SpoolSeen[];
  /** The tool results that the model was given, by their calls' ids. */
  resultsGiven: readonly ResultGiven[];
  patch: string;
  watchers: readonly { name: string; seen: readonly Message[] }[];
  /** When a part was killed or stopped that this run may have felt, in milliseconds since 1970. */
  faultsAt: readonly number[];
  /** Only in which the run may end; `succeeded` when left out. */
  expected?: readonly Run["status"][];
};

type Say = (kind: Kind, text: string) => void;

const short = (text: string): string => (text.length > 300 ? `${text.slice(0, 300)}...` : text);
const some = (items: readonly unknown[]): string => `${items.slice(0, 5).join(", ")}${items.length > 5 ? ", ..." : ""}`;

/** What an event and a stored message have in common when they are the same. */
const identity = ({ at, source, body }: { at: string; source: string; body: unknown }): string => canonical({ at, source, body });

const judgeMessages = ({ spools, stored, run }: Evidence, say: Say): void => {
  const wrong = stored.findIndex(({ seq }, index) => seq !== index + 1);
  if (wrong !== -1) say("numbering", `message ${wrong + 1} has the number ${stored[wrong]?.seq}`);
  if (run.lastSeq !== stored.length) say("numbering", `the run says that its last message is ${run.lastSeq} of ${stored.length}`);

  const places = Map.groupBy(
    stored.map((message) => ({ seq: message.seq, key: identity(message) })),
    ({ key }) => key,
  );
  const witnessed = new Map<string, number>();
  for (const { instanceId, events, problems } of spools) {
    for (const problem of problems) say("spool_damaged", `${instanceId}: ${problem}`);
    const gap = events.findIndex(({ seq }, index) => seq !== index + 1);
    if (gap !== -1) say("spool_damaged", `${instanceId}: event ${gap + 1} in the spool has the number ${events[gap]?.seq}`);
    let last = 0;
    const lost: number[] = [];
    for (const event of events) {
      const key = identity(event);
      const before = witnessed.get(key) ?? 0;
      witnessed.set(key, before + 1);
      const place = places.get(key)?.[before];
      if (place === undefined) lost.push(event.seq);
      else if (place.seq < last)
        say("message_disordered", `event ${event.seq} of ${instanceId} is message ${place.seq}, after ${last}`);
      else last = place.seq;
    }
    const first = events.find(({ seq }) => seq === lost[0]);
    if (lost.length > 0)
      say(
        "message_lost",
        `${lost.length} of ${events.length} events of ${instanceId}: ${some(lost)}; the first is ${short(canonical(first?.body))}`,
      );
  }
  for (const [key, found] of places) {
    const first = stored[(found[0]?.seq ?? 0) - 1];
    const times = witnessed.get(key) ?? 0;
    if (times === 0 && first?.source === "agent") say("message_unwitnessed", `message ${first.seq}: ${short(key)}`);
    if (times > 0 && found.length > times) say("message_doubled", `${found.map(({ seq }) => seq).join(" and ")}: ${short(key)}`);
  }
};

const resultIds = (message: Message): string[] => {
  if (message.source !== "agent") return [];
  return [...JSON.stringify(message.body).matchAll(/"tool_use_id":"(toolu_\w+)"/g)].map(([, id]) => id ?? "");
};

/**
 * Claude Code gives a result to the model, to us and to its own file at about the same time. One that is killed at that moment may have told
 * nobody but the model.
 */
const UNTOLD_MS = 250;

const judgeToolResults = ({ stored, resultsGiven, faultsAt }: Evidence, say: Say): void => {
  const told = new Set(stored.flatMap(resultIds));
  const wasCut = (at: number): boolean => faultsAt.some((faultAt) => Math.abs(faultAt - at) <= UNTOLD_MS);
  const lost = resultsGiven.filter(({ id, at }) => !told.has(id) && !wasCut(Date.parse(at)));
  if (lost.length > 0)
    say("tool_result_lost", `${lost.length} of ${resultsGiven.length}: ${some(lost.map(({ id, at }) => `${id} at ${at}`))}`);
};

const judgeOutcome = ({ run, stored, expected = ["succeeded"] }: Evidence, say: Say): void => {
  if (!isFinal(run.status)) say("never_ended", `it is ${run.status} with ${stored.length} messages`);
  else if (!expected.includes(run.status)) say("wrong_outcome", `${run.status}, ${run.reason}: ${run.sentence}`);
  const statuses = stored.flatMap(({ seq, body }) =>
    body.type === "status" && "status" in body ? [{ seq, status: String(body.status) }] : [],
  );
  const finals = statuses.filter(({ status }) => status === run.status && isFinal(run.status));
  const others = statuses.filter(
    ({ status }) => ["succeeded", "failed", "errored", "canceled"].includes(status) && status !== run.status,
  );
  if (isFinal(run.status) && finals.length !== 1)
    say("status_wrong", `${finals.length} messages say ${run.status}: ${some(finals.map(({ seq }) => seq))}`);
  for (const { seq, status } of others) say("status_wrong", `message ${seq} says ${status}, and the run ${run.status}`);
  const final = finals.at(-1);
  if (final !== undefined && final.seq !== stored.length)
    say("status_wrong", `the end is message ${final.seq} of ${stored.length}`);
};

/** What a runner's message tells that can happen only once, or null. */
const oneTime = ({ source, body }: Message): string | null => {
  if (source !== "runner") return null;
  switch (body.type) {
    case "step_started":
    case "step_finished":
      return `${body.type} ${body.stepIndex}, attempt ${body.attempt}`;
    case "check_finished":
      return `${body.type} ${body.stepIndex}, attempt ${body.attempt}: ${body.result.command}`;
    case "execution_started":
    case "execution_ended":
      return `${body.type} ${body.executionId}`;
    default:
      return null;
  }
};

const judgeRunner = ({ stored }: Evidence, say: Say): void => {
  const told = Map.groupBy(
    stored.flatMap((message) => {
      const what = oneTime(message);
      return what === null ? [] : [{ what, seq: message.seq }];
    }),
    ({ what }) => what,
  );
  // Checks begin again in a new sandbox when theirs dies.
  const again = stored.filter(({ body }) => body.type === "resumed" && "after" in body && body.after === "sandbox").length;
  for (const [what, messages] of told) {
    const most = what.includes("check_") ? 1 + again : 1;
    if (messages.length > most) say("runner_doubled", `${short(what)}: messages ${messages.map(({ seq }) => seq).join(", ")}`);
  }
};

const judgeWork = ({ mark, calls, patch, faultsAt, run, stored }: Evidence, say: Say): void => {
  const faults = faultsAt.length;
  const added = patch.split("\n").flatMap((line) => (line.startsWith(`+${mark}-`) ? [line.slice(1)] : []));
  const times = Map.groupBy(added, (line) => line);
  const wanted = workLines(mark, { calls });
  if (run.status === "succeeded") {
    const lost = wanted.filter((line) => !times.has(line));
    if (lost.length > 0) say("work_lost", `${lost.length} of ${wanted.length} lines: ${some(lost)}`);
  }
  const extra = added.length - times.size;
  if (extra > faults) say("work_doubled", `${extra} lines stand there again, after ${faults} faults`);
  for (const step of STEPS) {
    const ran = stored.filter(({ body }) => isTrace(body, checkLine(mark, step))).length;
    if (run.status === "succeeded" && ran === 0) say("work_lost", `the check of step ${step} left no trace`);
    if (ran > 1 + faults) say("work_doubled", `the check of step ${step} ran ${ran} times, after ${faults} faults`);
  }
};

const CheckFinished = z.looseObject({ type: z.literal("check_finished"), result: z.looseObject({ output: z.string() }) });

/** Whether a message is the end of the check that prints this. */
const isTrace = (body: unknown, line: string): boolean =>
  CheckFinished.safeParse(body).data?.result.output.includes(line) === true;

const judgeWatchers = ({ stored, watchers }: Evidence, say: Say): void => {
  const kept = stored.map((message) => canonical(message));
  for (const { name, seen } of watchers) {
    const at = kept.findIndex((message, index) => seen[index] === undefined || canonical(seen[index]) !== message);
    if (at === -1 && seen.length === kept.length) continue;
    const where =
      at === -1
        ? `${seen.length} messages of ${kept.length}`
        : `as message ${at + 1} of ${kept.length}: ${short(canonical(seen[at] ?? "nothing"))}`;
    say("subscriber_differs", `${name} saw ${where}`);
  }
};

/** Compares what the store says of a run with what the witnesses saw. Pure; nothing found: an empty list. */
export const judge = (evidence: Evidence): Finding[] => {
  const findings: Finding[] = [];
  const say: Say = (kind, text) => findings.push({ kind, run: evidence.mark, text });
  judgeMessages(evidence, say);
  judgeToolResults(evidence, say);
  judgeOutcome(evidence, say);
  judgeRunner(evidence, say);
  judgeWork(evidence, say);
  judgeWatchers(evidence, say);
  return findings;
};
