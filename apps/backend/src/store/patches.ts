import type { Updateable } from "kysely";
import { toJson } from "./json.ts";
import type { RunTable } from "./schema.ts";
import type { RunPatch } from "./types.ts";

// What every engine's integer takes: some 24 days, where a run may take seven.
const MOST_MS = 2 ** 31 - 1;

/** The time that a run was worked on as it is stored: whole milliseconds. */
export const activeMsColumn = (activeMs: number): number => Math.min(Math.max(Math.round(activeMs), 0), MOST_MS);

/** The columns that a patch writes. */
export const patchColumns = (patch: RunPatch): Updateable<RunTable> => ({
  ...(patch.reason !== undefined && { reason: patch.reason }),
  ...(patch.sentence !== undefined && { sentence: patch.sentence }),
  ...(patch.stepIndex !== undefined && { step_index: patch.stepIndex }),
  ...(patch.instanceId !== undefined && { instance_id: patch.instanceId }),
  ...(patch.driver !== undefined && { driver: patch.driver }),
  ...(patch.baseCommit !== undefined && { base_commit: patch.baseCommit }),
  ...(patch.headCommit !== undefined && { head_commit: patch.headCommit }),
  ...(patch.usage !== undefined && { usage: toJson(patch.usage, "The usage") }),
  ...(patch.startedAt !== undefined && { started_at: patch.startedAt }),
  ...(patch.endedAt !== undefined && { ended_at: patch.endedAt }),
  ...(patch.progress !== undefined && { progress: toJson(patch.progress, "The progress") }),
  ...(patch.prepared !== undefined && { prepared: toJson(patch.prepared, "What was prepared") }),
  ...(patch.activeMs !== undefined && { active_ms: activeMsColumn(patch.activeMs) }),
});
