import { InstanceId, RunId, TaskId } from "@ccr/protocol";
import { expect, test } from "vitest";
import { createIds } from "./ids.ts";
import { createClock } from "./suite/place.ts";

test("makes ids of each kind that the protocol takes", () => {
  const ids = createIds();
  expect(TaskId.safeParse(ids.task()).success).toBe(true);
  expect(RunId.safeParse(ids.run()).success).toBe(true);
  expect(InstanceId.safeParse(ids.instance()).success).toBe(true);
});

test("ids sort as text by when they were made, also within a millisecond and when the clock goes back", () => {
  const clock = createClock();
  const ids = createIds(clock.now);
  const made: string[] = [];
  for (const step of [0, 1, 1, -5000, 3, 5003, 86_400_000 * 365 * 30]) {
    clock.advance(step);
    for (let n = 0; n < 200; n++) made.push(ids.run());
  }
  expect(new Set(made).size).toBe(made.length);
  expect(made.toSorted()).toEqual(made);
});

test("two makers at the same moment make different ids", () => {
  const { now } = createClock();
  const made = Array.from({ length: 100 }, () => createIds(now).run());
  expect(new Set(made).size).toBe(100);
});
