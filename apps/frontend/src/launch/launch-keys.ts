import type { TaskId } from "@ccr/protocol";

/** A fresh key; `crypto.randomUUID` is not there on plain http. */
export const newIdempotencyKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Under which name of the browser's storage the launch of a task is kept while it is filled in; null: of any task. */
export const launchDraftKey = (taskId: TaskId | null): string => `ccr.draft.launch.${taskId ?? "home"}`;
