import { type AdditionalRepository, deliveriesOf, isDelivered } from "@ccr/protocol";
import type { Updateable } from "kysely";
import { toJson } from "./json.ts";
import type { AdditionalState } from "./rows.ts";
import type { RunTable } from "./schema.ts";
import type { Deliveries, RunPatch } from "./types.ts";

// What every engine's integer takes: some 24 days, where a run may take seven.
const MOST_MS = 2 ** 31 - 1;

/** The time that a run was worked on as it is stored: whole milliseconds. */
export const activeMsColumn = (activeMs: number): number => Math.min(Math.max(Math.round(activeMs), 0), MOST_MS);

const stateColumn = (additional: readonly AdditionalRepository[]): string | null =>
  additional.length === 0
    ? null
    : toJson(
        additional.map(({ baseCommit, headCommit, delivered }): AdditionalState => ({ baseCommit, headCommit, delivered })),
        "The run",
      );

/** The columns of what was delivered: the branch, which all repositories of a run share, is also one of its own, by which it is found. */
export const deliveryColumns = (deliveries: Deliveries) => {
  const { delivered, additionalRepositories } = deliveries;
  const all = deliveriesOf(deliveries);
  return {
    branch: all[0]?.branch ?? null,
    is_delivered: isDelivered(deliveries) ? 1 : 0,
    is_followed: all.some(({ isFollowed }) => isFollowed) ? 1 : 0,
    delivered: delivered === null ? null : toJson(delivered, "The delivery"),
    additional_state: stateColumn(additionalRepositories),
  } satisfies Updateable<RunTable>;
};

/** The columns that a patch writes. */
export const patchColumns = (patch: RunPatch): Updateable<RunTable> => ({
  ...(patch.reason !== undefined && { reason: patch.reason }),
  ...(patch.sentence !== undefined && { sentence: patch.sentence }),
  ...(patch.stepIndex !== undefined && { step_index: patch.stepIndex }),
  ...(patch.instanceId !== undefined && { instance_id: patch.instanceId }),
  ...(patch.driver !== undefined && { driver: patch.driver }),
  ...(patch.baseCommit !== undefined && { base_commit: patch.baseCommit }),
  ...(patch.headCommit !== undefined && { head_commit: patch.headCommit }),
  ...(patch.usage !== undefined && { usage: toJson(patch.usage, "The usage"), cost_usd: patch.usage.costUsd }),
  ...(patch.startedAt !== undefined && { started_at: patch.startedAt }),
  ...(patch.endedAt !== undefined && { ended_at: patch.endedAt }),
  ...(patch.additionalRepositories !== undefined && { additional_state: stateColumn(patch.additionalRepositories) }),
  ...(patch.deliveries !== undefined && deliveryColumns(patch.deliveries)),
  ...(patch.progress !== undefined && { progress: toJson(patch.progress, "The progress") }),
  ...(patch.figures !== undefined && { figures: toJson(patch.figures, "The figures") }),
  ...(patch.prepared !== undefined && { prepared: toJson(patch.prepared, "What was prepared") }),
  ...(patch.model !== undefined && { model: patch.model }),
  ...(patch.permissionMode !== undefined && { permission_mode: patch.permissionMode }),
  ...(patch.questions !== undefined && {
    questions: patch.questions.length === 0 ? null : toJson(patch.questions, "The questions"),
  }),
  ...(patch.activeMs !== undefined && { active_ms: activeMsColumn(patch.activeMs) }),
});
