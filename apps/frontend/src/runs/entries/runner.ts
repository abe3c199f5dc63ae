import { type ExecutionOutcome, isFinal, type Message } from "@ccr/protocol";
import type { Builder } from "./derive.ts";
import type { Entry, StageEntry } from "./entry.ts";

type RunnerMessage = Extract<Message, { source: "runner" }>;
type Base = Pick<Entry, "key" | "seq" | "at">;
type BodyOf<Type extends RunnerMessage["body"]["type"]> = Extract<RunnerMessage["body"], { type: Type }>;

/** So many of the last lines of progress a stage keeps: building an image says thousands. */
const LINES_MAX = 200;

/** Adds one message of ours to what is built: what belongs together becomes one entry. */
export const addRunnerMessage = (builder: Builder, message: RunnerMessage): void => {
  const { body, seq, at } = message;
  const base = { key: String(seq), seq, at };
  switch (body.type) {
    case "status":
      if (isFinal(body.status)) shortenFailedStage(builder, body.sentence);
      builder.tree.append(null, {
        ...base,
        kind: "status",
        status: body.status,
        reason: body.reason ?? null,
        sentence: body.sentence,
      });
      return;
    case "stage":
      addStage(builder, message, body);
      return;
    case "step_started":
      builder.instructions = body.instructions;
      builder.tree.append(null, {
        ...base,
        kind: "step",
        stepIndex: body.stepIndex,
        attempt: body.attempt,
        instructions: body.instructions,
      });
      return;
    case "step_finished":
      builder.tree.append(null, {
        ...base,
        kind: "step_end",
        stepIndex: body.stepIndex,
        attempt: body.attempt,
        passed: body.passed,
      });
      return;
    case "check_started": {
      const { stepIndex, attempt, command } = body;
      const place = builder.tree.append(null, { ...base, kind: "check", stepIndex, attempt, command, result: null });
      builder.checks.set(checkKey(body.stepIndex, body.attempt, body.command), place);
      return;
    }
    case "check_finished":
      finishCheck(builder, message, body);
      return;
    case "check_not_judged":
      builder.tree.append(null, { ...base, kind: "not_judged", stepIndex: body.stepIndex, text: body.text });
      return;
    case "execution_started":
      builder.prompt = body.prompt;
      builder.interrupted = false;
      if (body.prompt.trim() !== builder.instructions?.trim()) {
        builder.tree.append(null, { ...base, kind: "prompt", text: body.prompt });
      }
      return;
    case "execution_ended":
      builder.openCalls.clear();
      addOutcome(builder, base, body.outcome);
      return;
    case "egress_refused": {
      const last = builder.tree.last(null);
      const { record } = body;
      if (last?.kind === "refused" && last.record.host === record.host && last.record.port === record.port) {
        builder.tree.replaceLast(null, { ...last, record, count: last.count + 1 });
      } else {
        builder.tree.append(null, { ...base, kind: "refused", record, count: 1 });
      }
      return;
    }
    case "resumed":
    case "note":
      builder.tree.append(null, { ...base, kind: "note", text: body.text });
      return;
    default:
      // A server that is newer than this page may say more.
      builder.tree.append(null, { ...base, kind: "unknown", label: "runner", bodies: [body], count: 1 });
  }
};

const addOutcome = (builder: Builder, base: Base, outcome: ExecutionOutcome): void => {
  if (outcome.kind === "completed") return;
  const last = builder.tree.last(null);
  // Claude Code said it already, as the result of its turn.
  if (outcome.kind === "interrupted" && last?.kind === "result" && last.interrupted) return;
  builder.tree.append(null, { ...base, kind: "outcome", outcome });
};

/** A run that ended because a stage failed tells why at its end: the stage need not tell it as well. */
const shortenFailedStage = (builder: Builder, sentence: string): void => {
  const stage = builder.failedStage === null ? undefined : builder.tree.at(builder.failedStage);
  if (builder.failedStage === null || stage?.kind !== "stage" || !sentence.includes(stage.text)) return;
  builder.tree.replace(builder.failedStage, { ...stage, text: stage.begunAs });
};

const checkKey = (stepIndex: number, attempt: number, command: string): string => `${stepIndex}/${attempt}/${command}`;

const finishCheck = (builder: Builder, { seq, at }: RunnerMessage, body: BodyOf<"check_finished">): void => {
  const { stepIndex, attempt, result } = body;
  const key = checkKey(stepIndex, attempt, result.command);
  const place = builder.checks.get(key);
  builder.checks.delete(key);
  const started = place === undefined ? undefined : builder.tree.at(place);
  if (place !== undefined && started?.kind === "check") {
    builder.tree.replace(place, { ...started, result });
    return;
  }
  builder.tree.append(null, {
    kind: "check",
    key: String(seq),
    seq,
    at,
    stepIndex,
    attempt,
    command: result.command,
    result,
  });
};

const addStage = (builder: Builder, { seq, at }: RunnerMessage, body: BodyOf<"stage">): void => {
  const place = builder.stages.get(body.stage);
  const known = place === undefined ? undefined : builder.tree.at(place);
  if (body.state === "started" || place === undefined || known?.kind !== "stage") {
    const entry: StageEntry = {
      kind: "stage",
      key: String(seq),
      seq,
      at,
      stage: body.stage,
      state: body.state === "progress" ? "started" : body.state,
      text: body.text,
      begunAs: body.text,
      lines: [],
      durationMs: body.durationMs ?? null,
    };
    const appended = builder.tree.append(null, entry);
    builder.stages.set(body.stage, appended);
    if (body.state === "failed") builder.failedStage = appended;
    return;
  }
  if (body.state === "progress") {
    builder.tree.replace(place, { ...known, lines: [...known.lines, body.text].slice(-LINES_MAX) });
    return;
  }
  const durationMs = body.durationMs ?? Date.parse(at) - Date.parse(known.at);
  builder.tree.replace(place, { ...known, state: body.state, text: body.text, durationMs });
  builder.stages.delete(body.stage);
  if (body.state === "failed") builder.failedStage = place;
};
