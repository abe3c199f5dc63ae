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

/** The run's usage after one more message; the same object when the message tells nothing about it. Pure. */
export const addUsage = (usage: RunUsage, body: AgentBody): RunUsage => {
  if (body.type !== "result") return usage;
  const result = Result.safeParse(body);
  if (!result.success) return usage;
  const models = Object.values(result.data.modelUsage);
  const total = (pick: (model: (typeof models)[number]) => number) =>
    Math.round(models.reduce((sum, model) => sum + pick(model), 0));
  return {
    costUsd: Math.max(usage.costUsd, result.data.total_cost_usd),
    inputTokens: Math.max(
      usage.inputTokens,
      total((model) => model.inputTokens + model.cacheReadInputTokens + model.cacheCreationInputTokens),
    ),
    outputTokens: Math.max(
      usage.outputTokens,
      total((model) => model.outputTokens),
    ),
    turns: usage.turns + result.data.num_turns,
  };
};
