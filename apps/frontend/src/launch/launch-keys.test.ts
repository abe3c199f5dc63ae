import { expect, test } from "vitest";
import { newIdempotencyKey } from "./launch-keys.ts";

test("no two keys are alike", () => {
  expect(new Set(Array.from({ length: 100 }, newIdempotencyKey)).size).toBe(100);
});
