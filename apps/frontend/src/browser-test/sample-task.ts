import type { Run } from "@ccr/protocol";
import type { MemoryBackend } from "./memory-backend.ts";
import { BAD_EVIDENCE } from "./sample-run.ts";

const steps = [
  { instructions: "Add a slugify function.", checks: "$ npm test\nThe function reads well." },
  { instructions: "Describe it in the README.", checks: "$ grep -q slugify README.md\nIt says what becomes of accents." },
];
export const sampleTask = (backend: MemoryBackend, name = "Add a slugify function") => backend.addTask({ name, steps });
/** What a run has that is at work on the sample task. */
export const RUNNING: Partial<Run> = {
  status: "running",
  stepIndex: 0,
  baseCommit: "1f3c9ab01",
  driver: "bubblewrap",
  startedAt: "2026-11-22T20:00:00.000Z",
};
/** What it has when its last check did not pass. */
export const ENDED: Partial<Run> = {
  ...RUNNING,
  status: "failed",
  reason: "check_failed",
  sentence: `A check did not pass. Step 2 of 2: A judge found: ${BAD_EVIDENCE} These were 2 attempts.`,
  endedAt: "2026-11-22T20:01:00.000Z",
};
