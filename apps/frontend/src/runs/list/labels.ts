import type { RunSort } from "@ccr/protocol";
import type { Period, STATUS_GROUPS, StatusGroup } from "../filter.ts";

/** What the groups are called where one of them is chosen. */
export const STATUS_GROUP_LABELS: Record<StatusGroup, string> = {
  active: "Active",
  succeeded: "Passed",
  failed: "Failed",
  errored: "Errored",
  canceled: "Canceled",
};

/** The same of the statuses of one that goes on. */
export const ACTIVE_LABELS: Record<(typeof STATUS_GROUPS)["active"][number], string> = {
  queued: "Queued",
  starting: "Starting",
  running: "Running",
  waiting: "Waiting",
  canceling: "Canceling",
};

export const PERIOD_LABELS: Record<Period, string> = {
  day: "The last 24 hours",
  week: "The last 7 days",
  month: "The last 30 days",
};

export const SORT_LABELS: Record<RunSort, string> = {
  newest: "Newest first",
  oldest: "Oldest first",
  longest: "Longest first",
  costliest: "Most expensive first",
  ended: "Recently ended",
};
