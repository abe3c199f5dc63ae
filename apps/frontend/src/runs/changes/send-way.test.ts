import { Delivered } from "@ccr/protocol";
import { expect, test } from "vitest";
import { listedRun } from "../listed-sample.ts";
import { sendWayOf } from "./send-way.ts";

const delivered = Delivered.parse({
  state: "delivered",
  branch: "claude/x",
  commit: null,
  isPushed: true,
  base: "main",
  pullRequest: null,
  notes: [],
  problem: null,
  tries: 1,
  at: "2026-11-27T10:00:00.000Z",
});
const run = (patch: Parameters<typeof listedRun>[1]) => listedRun(1, { baseCommit: "a".repeat(40), ...patch });

test("comments on a run that goes on are told to its agent, whatever it does at the moment", () => {
  for (const status of ["starting", "running", "waiting"] as const)
    expect(sendWayOf(run({ status }))).toMatchObject({ kind: "can", note: "Claude Code is told when its turn has ended." });
  expect(sendWayOf(run({ status: "canceling" }))).toEqual({
    kind: "cannot",
    note: "The run is being canceled. Send them when it has ended.",
  });
});

test("comments on one that has ended start another one, from where its work is", () => {
  expect(sendWayOf(run({ status: "succeeded", delivered })).note).toContain("on its branch");
  for (const status of ["succeeded", "failed", "errored", "canceled"] as const)
    expect(sendWayOf(run({ status })).note).toContain("as it was left. Nothing is pushed");
  expect(sendWayOf(run({ status: "errored", baseCommit: null })).kind).toBe("cannot");
});
