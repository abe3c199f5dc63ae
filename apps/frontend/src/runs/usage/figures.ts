import { isFinal, type Message } from "@ccr/protocol";
import { type JsonRecord, numberOf, recordOf, textOf } from "../entries/json.ts";

export type Used = {
  costUsd: number;
  inputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  outputTokens: number;
  turns: number;
};

const NOTHING: Used = { costUsd: 0, inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0, turns: 0 };

const combine = (one: Used, other: Used, by: (one: number, other: number) => number): Used => ({
  costUsd: by(one.costUsd, other.costUsd),
  inputTokens: by(one.inputTokens, other.inputTokens),
  cacheReadTokens: by(one.cacheReadTokens, other.cacheReadTokens),
  cacheWriteTokens: by(one.cacheWriteTokens, other.cacheWriteTokens),
  outputTokens: by(one.outputTokens, other.outputTokens),
  turns: by(one.turns, other.turns),
});
export const plus = (one: Used, other: Used): Used => combine(one, other, (a, b) => a + b);
/** What came to a running total; one that fell was begun anew. */
const grown = (now: Used, before: Used): Used => combine(now, before, (a, b) => (a >= b ? a - b : a));

/** One attempt at a step: what the agent used for it, and what its judge did. */
export type AttemptUsage = {
  stepIndex: number;
  attempt: number;
  startedAt: string;
  endedAt: string | null;
  agent: Used;
  judge: Used;
};

export type UsageFigures = {
  attempts: readonly AttemptUsage[];
  models: ReadonlyMap<string, Used>;
  total: Used;
  /** What the turn that goes on has used so far, as far as is known: it is told exactly when it ends. */
  going: Used;
  /** Running totals that conversations have told, by conversation and model. */
  told: ReadonlyMap<string, Used>;
  /** The latest answers of the turn that goes on: one answer comes in several messages. Taken over by the next figures. */
  answers: Map<string, Used>;
  isJudging: boolean;
};

export const noUsage = (): UsageFigures => ({
  ...{ attempts: [], models: new Map(), total: NOTHING, going: NOTHING, told: new Map() },
  ...{ answers: new Map(), isJudging: false },
});

/** So many answers may come mixed, of subagents that work at the same time. */
const ANSWERS_MAX = 64;

const ofModel = (usage: JsonRecord): Used => ({
  costUsd: numberOf(usage.costUSD) ?? 0,
  inputTokens: numberOf(usage.inputTokens) ?? 0,
  cacheReadTokens: numberOf(usage.cacheReadInputTokens) ?? 0,
  cacheWriteTokens: numberOf(usage.cacheCreationInputTokens) ?? 0,
  outputTokens: numberOf(usage.outputTokens) ?? 0,
  turns: 0,
});

const ofAnswer = (usage: JsonRecord): Used => ({
  ...NOTHING,
  inputTokens: numberOf(usage.input_tokens) ?? 0,
  cacheReadTokens: numberOf(usage.cache_read_input_tokens) ?? 0,
  cacheWriteTokens: numberOf(usage.cache_creation_input_tokens) ?? 0,
  outputTokens: numberOf(usage.output_tokens) ?? 0,
});

const changeLast = (figures: UsageFigures, change: (last: AttemptUsage) => AttemptUsage): UsageFigures => {
  const last = figures.attempts.at(-1);
  return last === undefined ? figures : { ...figures, attempts: [...figures.attempts.slice(0, -1), change(last)] };
};

const addAnswer = (figures: UsageFigures, body: JsonRecord): UsageFigures => {
  const message = recordOf(body.message);
  const id = textOf(message.id);
  if (id === null) return figures;
  const used = ofAnswer(recordOf(message.usage));
  const { answers } = figures;
  const before = answers.get(id) ?? NOTHING;
  answers.set(id, used);
  if (answers.size > ANSWERS_MAX) {
    const [oldest] = answers.keys();
    if (oldest !== undefined) answers.delete(oldest);
  }
  return {
    ...figures,
    going: plus(
      figures.going,
      combine(used, before, (a, b) => a - b),
    ),
  };
};

const addResult = (figures: UsageFigures, body: JsonRecord): UsageFigures => {
  const session = textOf(body.session_id) ?? "";
  const models = new Map(figures.models);
  const told = new Map(figures.told);
  let turn: Used = { ...NOTHING, turns: numberOf(body.num_turns) ?? 0 };
  for (const [model, usage] of Object.entries(recordOf(body.modelUsage))) {
    const key = `${session}/${model}`;
    const now = ofModel(recordOf(usage));
    const came = grown(now, told.get(key) ?? NOTHING);
    told.set(key, now);
    models.set(model, plus(models.get(model) ?? NOTHING, came));
    turn = plus(turn, came);
  }
  figures.answers.clear();
  const part = figures.isJudging ? "judge" : "agent";
  const next = { ...figures, models, told, total: plus(figures.total, turn), going: NOTHING };
  return changeLast(next, (last) => ({ ...last, [part]: plus(last[part], turn) }));
};

/** What a run has used, and on what, after one more message; the same figures when it tells nothing about it. */
export const advanceUsage = (figures: UsageFigures, message: Message): UsageFigures => {
  if (message.source === "agent") {
    if (message.body.type === "assistant") return addAnswer(figures, message.body);
    return message.body.type === "result" ? addResult(figures, message.body) : figures;
  }
  const { body, at } = message;
  switch (body.type) {
    case "step_started": {
      const { stepIndex, attempt } = body;
      const begun = { stepIndex, attempt, startedAt: at, endedAt: null, agent: NOTHING, judge: NOTHING };
      return { ...figures, isJudging: false, attempts: [...figures.attempts, begun] };
    }
    case "step_finished":
      return changeLast({ ...figures, isJudging: false }, (last) => ({ ...last, endedAt: at }));
    case "judge_started":
      return { ...figures, isJudging: true };
    case "judge_finished":
      return { ...figures, isJudging: false };
    case "status":
      if (!isFinal(body.status)) return figures;
      return changeLast(figures, (last) => ({ ...last, endedAt: last.endedAt ?? at }));
    default:
      return figures;
  }
};
