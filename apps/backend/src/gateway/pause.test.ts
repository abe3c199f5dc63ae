import { expect, it } from "vitest";
import { growingPause, LONGEST_PAUSE_MS } from "./pause.ts";

it("doubles up to the longest pause, and begins anew after a reset", () => {
  const pause = growingPause();
  const first = Array.from({ length: 7 }, () => pause.next());
  expect(first).toEqual([200, 400, 800, 1600, 3200, LONGEST_PAUSE_MS, LONGEST_PAUSE_MS]);
  pause.reset();
  expect(pause.next()).toBe(200);
});
