import { describe, expect, it } from "vitest";
import { addJudgeUsage, addUsage } from "./usage.ts";

const none = { costUsd: 0, inputTokens: 0, outputTokens: 0, turns: 0 };

describe("addUsage", () => {
  it("keeps the usage, the same object, for messages that tell nothing about it", () => {
    expect(addUsage(none, { type: "assistant" })).toBe(none);
  });

  it("takes running totals from the newest result, and adds up the turns", () => {
    const result = (cost: number, tokens: number, turns: number) => ({
      type: "result",
      total_cost_usd: cost,
      num_turns: turns,
      modelUsage: {
        a: { inputTokens: tokens, outputTokens: 10, cacheReadInputTokens: 5, cacheCreationInputTokens: 1 },
        b: { inputTokens: 1, outputTokens: 1 },
      },
    });
    const first = addUsage(none, result(0.5, 100, 3));
    expect(first).toEqual({ costUsd: 0.5, inputTokens: 107, outputTokens: 11, turns: 3 });
    expect(addUsage(first, result(0.75, 200, 2))).toEqual({ costUsd: 0.75, inputTokens: 207, outputTokens: 11, turns: 5 });
  });

  it("keeps what judges used apart from the agent's running totals", () => {
    const result = (cost: number, turns: number) => ({ type: "result", total_cost_usd: cost, num_turns: turns, modelUsage: {} });
    const judged = addJudgeUsage(addUsage(none, result(1, 3)), result(0.25, 2));
    expect(judged).toEqual({ ...none, costUsd: 1.25, turns: 5, judges: { ...none, costUsd: 0.25, turns: 2 } });
    const more = addUsage(judged, result(1.5, 1));
    expect(more).toEqual({ ...none, costUsd: 1.75, turns: 6, judges: { ...none, costUsd: 0.25, turns: 2 } });
    expect(addJudgeUsage(more, result(0.25, 2)).judges).toMatchObject({ costUsd: 0.5, turns: 4 });
    expect(addJudgeUsage(more, { type: "assistant" })).toBe(more);
  });

  it("is not led astray by a forged or broken result", () => {
    expect(addUsage(none, { type: "result", total_cost_usd: -5, num_turns: "many", modelUsage: null })).toEqual(none);
  });
});
