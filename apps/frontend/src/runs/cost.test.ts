import { expect, test } from "vitest";
import { describeCost } from "./cost.tsx";

const usage = (costUsd: number, turns: number) => ({ costUsd, turns, inputTokens: 0, outputTokens: 0 });

test("a cost is a dash until it is known, and no figure when nobody is paid", () => {
  expect(describeCost(usage(0, 0), false)).toBe("–");
  expect(describeCost(usage(0, 0), true)).toBe("–");
  expect(describeCost(usage(0, 2), false)).toBe("$0.00");
  expect(describeCost(usage(0.0841, 9), false)).toBe("$0.08");
  expect(describeCost(usage(0.0841, 9), true)).toBe("simulated");
});
