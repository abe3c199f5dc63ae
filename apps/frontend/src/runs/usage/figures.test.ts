import { type Message, RunId } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { advanceUsage, noUsage, type UsageFigures } from "./figures.ts";

type Said =
  | { source: "agent"; body: Extract<Message, { source: "agent" }>["body"] }
  | { source: "runner"; body: Extract<Message, { source: "runner" }>["body"] };

const play = (said: readonly Said[]): UsageFigures =>
  said.reduce((figures, each, index) => {
    const place = {
      runId: RunId.parse("run_0123456789"),
      seq: index + 1,
      at: `2026-11-22T20:00:${String(index).padStart(2, "0")}.000Z`,
    };
    return advanceUsage(
      figures,
      each.source === "agent"
        ? { ...place, source: each.source, body: each.body }
        : { ...place, source: each.source, body: each.body },
    );
  }, noUsage());

const step = (stepIndex: number, attempt = 1): Said => ({
  source: "runner",
  body: { type: "step_started", stepIndex, attempt, instructions: "x" },
});
const model = (inputTokens: number, costUSD: number) => ({
  inputTokens,
  outputTokens: 1,
  cacheReadInputTokens: 10 * inputTokens,
  cacheCreationInputTokens: 2,
  costUSD,
});
const ends = (modelUsage: Record<string, unknown>, session = "s"): Said => ({
  source: "agent",
  body: { type: "result", session_id: session, num_turns: 3, modelUsage },
});
const answers = (id: string, output: number): Said => ({
  source: "agent",
  body: { type: "assistant", message: { id, usage: { input_tokens: 5, output_tokens: output } } },
});

describe("what a run used", () => {
  it("is told by conversations as sums, and counted for the attempt and the model in which it came", () => {
    const { attempts, models, total } = play([
      step(0),
      ends({ opus: model(100, 1), haiku: model(10, 0.1) }),
      step(0, 2),
      ends({ opus: model(150, 1.5), haiku: model(10, 0.1) }),
    ]);
    expect(attempts.map(({ stepIndex, attempt, agent }) => [stepIndex, attempt, agent.inputTokens, agent.turns])).toEqual([
      [0, 1, 110, 3],
      [0, 2, 50, 3],
    ]);
    expect(attempts[1]?.agent.costUsd).toBeCloseTo(0.5);
    expect(models.get("opus")?.inputTokens).toBe(150);
    expect([total.inputTokens, total.cacheReadTokens, total.turns]).toEqual([160, 1600, 6]);
  });

  it("is the judge's while it looks, which talks in a conversation of its own", () => {
    const { attempts, total } = play([
      step(0),
      ends({ opus: model(100, 1) }),
      { source: "runner", body: { type: "judge_started", stepIndex: 0, attempt: 1, text: "x" } },
      ends({ opus: model(7, 0.2) }, "judge"),
      { source: "runner", body: { type: "judge_finished", stepIndex: 0, attempt: 1, verdict: null, problem: "x" } },
      { source: "runner", body: { type: "step_finished", stepIndex: 0, attempt: 1, passed: true } },
      { source: "runner", body: { type: "status", status: "failed", sentence: "x" } },
    ]);
    expect(attempts[0]).toMatchObject({
      agent: { inputTokens: 100 },
      judge: { inputTokens: 7 },
      endedAt: "2026-11-22T20:00:05.000Z",
    });
    expect(total.inputTokens).toBe(107);
  });

  it("is known of a turn that goes on by its answers, each once, until the turn tells it itself", () => {
    const going = [step(0), answers("a", 3), answers("b", 1), answers("a", 9)];
    expect(play(going).going).toMatchObject({ inputTokens: 10, outputTokens: 10 });
    expect(play([...going, ends({ opus: model(1, 1) })]).going.inputTokens).toBe(0);
  });

  it("is nothing where what is told has no sense", () => {
    const odd = play([ends({ opus: "much" }), { source: "agent", body: { type: "result", modelUsage: [1] } }, answers("a", 1)]);
    expect(odd.total.inputTokens).toBe(0);
    expect(odd.attempts).toEqual([]);
  });
});
