import { type InstanceRun, RunLimits } from "@ccr/protocol";
import { expect, test } from "vitest";
import { removalOf, workOf } from "./words.ts";

const run = (given: Partial<InstanceRun> = {}): InstanceRun => ({
  taskName: "Fix it",
  status: "running",
  stepIndex: 1,
  steps: 3,
  limits: RunLimits.parse({}),
  isAgents: true,
  ...given,
});

test("says which step a sandbox works on, or what else it is for", () => {
  expect(workOf({ status: "executing", run: run() })).toBe("step 2 of 3");
  expect(workOf({ status: "starting", run: run({ stepIndex: null }) })).toBe("3 steps");
  expect(workOf({ status: "executing", run: run({ isAgents: false }) })).toBe("set-up or checks");
  expect(workOf({ status: "stopped", run: null })).toBe("its run was deleted");
});

test("says that the run is canceled and its work saved, or that there is nothing to lose", () => {
  expect(removalOf(run())).toContain("“Fix it” is running at step 2 of 3. It is canceled first");
  for (const ended of [run({ status: "failed" }), null]) expect(removalOf(ended)).toContain("has ended already");
});
