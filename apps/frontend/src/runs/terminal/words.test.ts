import type { Shell } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { namedShells, outcomeWords, type Seen, sandboxPhase } from "./words.ts";

const shell = (id: string, outcome: Shell["outcome"] = null): Shell => ({
  id,
  cols: 80,
  rows: 24,
  openedAt: "2026-01-01T12:00:00.000Z",
  begin: 0,
  end: 0,
  outcome,
});

describe("the shells of a page", () => {
  test("keep their numbers, and stay when their sandbox is gone, until a person closes them", () => {
    const seen: Seen = new Map();
    const shown = (shells: Shell[], ...dismissed: string[]) =>
      namedShells(shells, { seen, dismissed: new Set(dismissed) }).map(({ shell: { id, outcome }, name }) => [
        id,
        name,
        outcome?.kind,
      ]);
    expect(shown([shell("a"), shell("b")])).toEqual([
      ["a", "Shell 1", undefined],
      ["b", "Shell 2", undefined],
    ]);
    expect(shown([shell("a", { kind: "closed" }), shell("b"), shell("c")])).toEqual([
      ["b", "Shell 2", undefined],
      ["c", "Shell 3", undefined],
    ]);
    expect(shown([], "c")).toEqual([["b", "Shell 2", "sandbox_ended"]]);
  });

  test("say in words how they ended", () => {
    expect(outcomeWords({ kind: "exited", exitCode: 0 })).toBe("ended");
    expect(outcomeWords({ kind: "exited", exitCode: 3 })).toBe("ended with exit code 3");
    expect(outcomeWords({ kind: "killed", signal: "SIGKILL" })).toBe("ended by SIGKILL");
  });

  test("are for a run that is at work, or waits", () => {
    expect((["queued", "starting"] as const).map((status) => sandboxPhase({ status }))).toEqual(["before", "before"]);
    expect((["running", "waiting", "canceling"] as const).map((status) => sandboxPhase({ status }))).toEqual([
      "now",
      "now",
      "now",
    ]);
    expect(sandboxPhase({ status: "errored" })).toBe("over");
  });
});
