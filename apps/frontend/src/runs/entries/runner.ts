import { type ExecutionOutcome, isFinal, type Message, outcomeOf, RunReason } from "@ccr/protocol";
import { outputPath } from "../check-outcome.ts";
import type { Builder } from "./derive.ts";
import type { Entry, JudgeEntry, StageEntry } from "./entry.ts";

type RunnerMessage = Extract<Message, { source: "runner" }>;
type Base = Pick<Entry, "key" | "seq" | "at">;
type BodyOf<Type extends RunnerMessage["body"]["type"]> = Extract<RunnerMessage["body"], { type: Type }>;

/** So many of the last lines of progress a stage keeps: building an image says thousands. */
const LINES_MAX = 200;

/** Adds one message of ours to what is built: what belongs together becomes one entry. */
export const addRunnerMessage = (builder: Builder, message: RunnerMessage): void => {
  const { body, seq, at } = message;
  const base = { key: String(seq), seq, at };
  if (endsJudging(body)) builder.judge = null;
  switch (body.type) {
    case "status": {
      const { status, sentence } = body;
      if (isFinal(status)) shortenFailedStage(builder, sentence);
      const waited = builder.isWaiting;
      builder.isWaiting = status === "waiting";
      // The question, and its answer, tell it already.
      if (status === "waiting" || (waited && status === "running")) return;
      // A server that is newer than this page may know more reasons.
      const reason = RunReason.safeParse(body.reason).data ?? null;
      builder.tree.append(null, {
        ...base,
        kind: "status",
        status,
        outcome: outcomeOf({ status, reason, sentence, delivered: null, additionalRepositories: [] }),
        sentence,
      });
      return;
    }
    case "stage":
      addStage(builder, message, body);
      return;
    case "setup_output":
      addSetupOutput(builder, base, body.text);
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
      const none = { result: null, wholeOutput: null, cutOff: false };
      const check = { kind: "check", stepIndex, attempt, command, ...none } as const;
      builder.checks.set(checkKey(stepIndex, attempt, command), builder.tree.append(null, { ...base, ...check }));
      return;
    }
    case "check_finished":
      finishCheck(builder, message, body);
      return;
    case "judge_started":
      startJudge(builder, base, body);
      return;
    case "judge_finished":
      finishJudge(builder, base, body);
      return;
    case "execution_started":
      builder.prompt = body.prompt;
      builder.interrupted = false;
      if (builder.said.length > 0 && body.prompt === builder.said.join("\n\n")) builder.said = [];
      else if (body.prompt.trim() !== builder.instructions?.trim()) {
        builder.tree.append(builder.judge, { ...base, kind: "prompt", text: body.prompt, from: null, images: [], others: [] });
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
    case "egress_allowed":
      builder.tree.append(null, { ...base, kind: "host_allowed", host: body.host, port: body.port });
      return;
    case "resumed":
      if (body.after === "sandbox") cutOffChecks(builder);
      builder.tree.append(null, { ...base, kind: "note", text: body.text });
      return;
    case "said":
      builder.said.push(body.text);
      builder.tree.append(null, { ...base, kind: "said", text: body.text });
      return;
    case "interrupted":
      builder.tree.append(null, { ...base, kind: "interrupted" });
      return;
    case "configured":
      builder.tree.append(null, {
        ...base,
        kind: "configured",
        model: body.model,
        permissionMode: body.permissionMode,
      });
      return;
    case "question_asked": {
      const { question } = body;
      builder.questions.set(
        question.questionId,
        builder.tree.append(null, { ...base, kind: "question", question, answer: null }),
      );
      return;
    }
    case "question_answered": {
      const { questionId, by, text } = body;
      const place = builder.questions.get(questionId);
      const asked = place === undefined ? undefined : builder.tree.at(place);
      builder.questions.delete(questionId);
      // It was asked before what this page has.
      if (place === undefined || asked?.kind !== "question") builder.tree.append(null, { ...base, kind: "note", text });
      else builder.tree.replace(place, { ...asked, answer: { by, text } });
      return;
    }
    case "note":
      builder.tree.append(builder.judge, { ...base, kind: "note", text: body.text });
      return;
    default:
      // A server that is newer than this page may say more.
      builder.tree.append(null, { ...base, kind: "unknown", label: "runner", bodies: [body], count: 1 });
  }
};

const addOutcome = (builder: Builder, base: Base, outcome: ExecutionOutcome): void => {
  if (outcome.kind === "completed") return;
  const last = builder.tree.last(builder.judge);
  // Claude Code said it already, as the result of its turn.
  if (outcome.kind === "interrupted" && last?.kind === "result" && last.interrupted) return;
  builder.tree.append(builder.judge, { ...base, kind: "outcome", outcome });
};

/** A run that ended because a stage failed tells why at its end: the stage need not tell it as well. */
const shortenFailedStage = (builder: Builder, sentence: string): void => {
  const stage = builder.failedStage === null ? undefined : builder.tree.at(builder.failedStage);
  if (builder.failedStage === null || stage?.kind !== "stage" || !sentence.includes(stage.text)) return;
  builder.tree.replace(builder.failedStage, { ...stage, text: stage.begunAs });
};

const checkKey = (stepIndex: number, attempt: number, command: string): string => `${stepIndex}/${attempt}/${command}`;

const finishCheck = (builder: Builder, { runId, seq, at }: RunnerMessage, body: BodyOf<"check_finished">): void => {
  const wholeOutput = outputPath(runId, body.keptOutput);
  const { stepIndex, attempt, result } = body;
  const key = checkKey(stepIndex, attempt, result.command);
  const place = builder.checks.get(key);
  builder.checks.delete(key);
  const started = place === undefined ? undefined : builder.tree.at(place);
  if (place !== undefined && started?.kind === "check") {
    builder.tree.replace(place, { ...started, result, wholeOutput });
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
    wholeOutput,
    cutOff: false,
  });
};

/** The sandbox of the checks is gone: what goes on in it gets no result, and begins again. */
const cutOffChecks = (builder: Builder): void => {
  for (const place of builder.checks.values()) {
    const check = builder.tree.at(place);
    if (check?.kind === "check") builder.tree.replace(place, { ...check, cutOff: true });
  }
  builder.checks.clear();
  builder.openCalls.clear();
};

/**
 * Whether a message tells that no judge looks any more, also when nothing was heard of its end. Only what the server itself says counts:
 * an agent could write what it is told of executions.
 */
const endsJudging = (body: RunnerMessage["body"]): boolean => {
  switch (body.type) {
    case "status":
    case "step_started":
    case "step_finished":
    case "check_started":
      return true;
    case "stage":
      return body.stage === "results";
    default:
      return false;
  }
};

/** The judge that looks at the work, if it is the one of this attempt. */
const findJudge = (builder: Builder, { stepIndex, attempt }: Pick<JudgeEntry, "stepIndex" | "attempt">): JudgeEntry | null => {
  const entry = builder.judge === null ? undefined : builder.tree.at(builder.judge);
  return entry?.kind === "judge" && entry.stepIndex === stepIndex && entry.attempt === attempt ? entry : null;
};

const startJudge = (builder: Builder, base: Base, body: BodyOf<"judge_started">): void => {
  // Another one takes the place of a judge that was cut off.
  if (findJudge(builder, body) !== null) return;
  const { stepIndex, attempt, text } = body;
  builder.judge = builder.tree.append(null, { ...base, kind: "judge", stepIndex, attempt, text, end: null, children: [] });
};

const finishJudge = (builder: Builder, base: Base, body: BodyOf<"judge_finished">): void => {
  const { stepIndex, attempt, verdict, problem } = body;
  const end = { seq: base.seq, verdict, problem };
  const begun = findJudge(builder, body);
  if (begun === null || builder.judge === null)
    builder.tree.append(null, { ...base, kind: "judge", stepIndex, attempt, text: "", end, children: [] });
  else builder.tree.replace(builder.judge, { ...begun, end });
  builder.judge = null;
};

const addSetupOutput = (builder: Builder, base: Base, text: string): void => {
  const place = builder.stages.get("setup");
  const stage = place === undefined ? undefined : builder.tree.at(place);
  if (place !== undefined && stage?.kind === "stage") builder.tree.replace(place, { ...stage, output: stage.output + text });
  // Something is wrong with the order, and still it is to be seen.
  else builder.tree.append(null, { ...base, kind: "note", text });
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
      output: "",
      durationMs: body.durationMs ?? null,
    };
    const appended = builder.tree.append(body.stage === "checkout" ? builder.judge : null, entry);
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
