import { CcrError, ExecutionOutcome, RUN_REASONS } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { ending, endingOfError, endingOfOutcome, RunEnded } from "./ending.ts";
import { limitOf } from "./guard.ts";

const limits = { diskMb: 100, memoryMb: 512 };
const codes = [
  "agent_error",
  "agent_exited",
  "agent_stalled",
  "limit_turns",
  "limit_budget",
  "model_unauthorized",
  "model_unavailable",
  "disk_full",
];

describe("endings", () => {
  it("goes on after an execution that completed, and ends after every other with a known reason", () => {
    expect(endingOfOutcome({ kind: "completed", text: "" })).toBeNull();
    for (const code of codes) {
      const end = endingOfOutcome(ExecutionOutcome.parse({ kind: "failed", code, message: "It said so." }));
      expect(end?.reason).toSatisfy((reason: string) => reason in RUN_REASONS);
      expect(end?.sentence).toContain("It said so.");
    }
  });

  it("tells a full disk from an error of ours, and shows no details of the latter", () => {
    expect(endingOfError(new CcrError("disk_full", "The disk is full."))).toMatchObject({ reason: "disk_full" });
    expect(endingOfError(Object.assign(new Error("no space"), { code: "ENOSPC" }))).toMatchObject({ reason: "disk_full" });
    expect(endingOfError(new RunEnded("limit_time", "10 s"))).toMatchObject({ reason: "limit_time" });
    const internal = endingOfError(new Error("secret detail"));
    expect(internal.reason).toBe("internal");
    expect(internal.sentence).not.toContain("secret detail");
  });

  it("starts with the reason's own sentence", () => {
    expect(ending("check_failed", "'x' exited with code 1.").sentence).toBe("A check did not pass. 'x' exited with code 1.");
    expect(ending("passed").sentence).toBe(RUN_REASONS.passed.sentence);
  });
});

describe("limitOf", () => {
  it.each([
    [{ status: "running", outOfMemoryKills: 0, diskBytes: 100 * 1024 * 1024 } as const, null],
    [{ status: "running", outOfMemoryKills: 0, diskBytes: 100 * 1024 * 1024 + 1 } as const, "limit_disk"],
    [{ status: "exited", exitCode: 137, outOfMemory: true, outOfMemoryKills: 1, diskBytes: 0 } as const, "limit_memory"],
    [{ status: "exited", exitCode: 1, outOfMemory: false, outOfMemoryKills: 0, diskBytes: 0 } as const, null],
    [{ status: "gone" } as const, null],
  ])("%j ends with %s", (state, reason) => {
    expect(limitOf(state, limits, { ranOut: true })?.ending.reason ?? null).toBe(reason);
  });

  it("is not of memory when something was killed for it long before", () => {
    const state = { status: "exited", exitCode: 137, outOfMemory: true, outOfMemoryKills: 1, diskBytes: 0 } as const;
    expect(limitOf(state, limits, { ranOut: false })).toBeNull();
  });
});
