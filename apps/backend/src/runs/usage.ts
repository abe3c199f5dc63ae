import type { AgentBody, RunUsage } from "@ccr/protocol";
import { z } from "zod";

/** The parts of Claude Code's `result` message that tell what was used. Cost and tokens are running totals of the conversation, turns are the execution's own. */
const Result = z.looseObject({
  type: z.literal("result"),
  total_cost_usd: z.number().nonnegative().catch(0),
  num_turns: z.number().int().nonnegative().catch(0),
  modelUsage: z
    .record(
      z.string(),
      z.looseObject({
        inputTokens: z.number().catch(0),
        outputTokens: z.number().catch(0),
        cacheReadInputTokens: z.number().catch(0),
        cacheCreationInputTokens: z.number().catch(0),
      }),
    )
    .catch({}),
});

type Used = Omit<RunUsage, "judges">;

const NOTHING: Used = { costUsd: 0, inputTokens: 0, outputTokens: 0, turns: 0 };

/** What a message says that its conversation used so far; null when it says nothing about it. */
const usedBy = (body: AgentBody): Used | null => {
  if (body.type !== "result") return null;
  const result = Result.safeParse(body);
  if (!result.success) return null;
  const models = Object.values(result.data.modelUsage);
  const total = (pick: (model: (typeof models)[number]) => number) =>
    Math.round(models.reduce((sum, model) => sum + pick(model), 0));
  return {
    costUsd: result.data.total_cost_usd,
    inputTokens: total((model) => model.inputTokens + model.cacheReadInputTokens + model.cacheCreationInputTokens),
    outputTokens: total((model) => model.outputTokens),
    turns: result.data.num_turns,
  };
};

const add = (one: Used, other: Used, sign: 1 | -1 = 1): Used => ({
  costUsd: one.costUsd + sign * other.costUsd,
  inputTokens: one.inputTokens + sign * other.inputTokens,
  outputTokens: one.outputTokens + sign * other.outputTokens,
  turns: one.turns + sign * other.turns,
});

/** The run's usage after one more message of the agent; the same object when the message tells nothing about it. Pure. */
export const addUsage = (usage: RunUsage, body: AgentBody): RunUsage => {
  const used = usedBy(body);
  if (used === null) return usage;
  const { judges, ...all } = usage;
  const before = add(all, judges ?? NOTHING, -1);
  const now = {
    costUsd: Math.max(before.costUsd, used.costUsd),
    inputTokens: Math.max(before.inputTokens, used.inputTokens),
    outputTokens: Math.max(before.outputTokens, used.outputTokens),
    turns: before.turns + used.turns,
  };
  return judges === undefined ? now : { ...add(now, judges), judges };
};

/** The run's usage after one more message of a judge, whose conversation is one execution long. Pure. */
export const addJudgeUsage = (usage: RunUsage, body: AgentBody): RunUsage => {
  const used = usedBy(body);
  if (used === null) return usage;
  return { ...add(usage, used), judges: add(usage.judges ?? NOTHING, used) };
};
