import { expect, test } from "vitest";
import { queueSentence } from "./queue.ts";

test("says the place, the priority and what holds a run back", () => {
  const at = (position: number, heldBy: "all" | "disk" | null = null) => ({ position, queued: 23, heldBy });
  expect(queueSentence({ queue: at(1), priority: 0 })).toBe("1st of 23 in the queue.");
  expect(queueSentence({ queue: at(2, "all"), priority: 5 })).toBe(
    "2nd of 23 in the queue, with priority +5: all slots of the server are in use.",
  );
  expect(queueSentence({ queue: at(11), priority: -1 })).toBe("11th of 23 in the queue, with priority -1.");
  expect(queueSentence({ queue: { position: 1, queued: 1, heldBy: "disk" }, priority: 0 })).toBe(
    "Next in the queue: the server's disk is low on room.",
  );
  expect(queueSentence({ queue: { ...at(3), heldBy: "budget", budget: { dayUsd: 20, zone: "UTC", to: "" } }, priority: 0 })).toBe(
    "3rd of 23 in the queue: the day's budget of $20 is used up; it goes on at 00:00 UTC or when the budget is raised.",
  );
  expect(queueSentence({ queue: null, priority: 0 })).toBe("Waiting for its turn.");
});
