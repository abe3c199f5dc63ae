import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { CreateTaskInput, RunLimits, RunReason, RunStatus } from "@ccr/protocol";
import { z } from "zod";

/** An end-to-end scenario as data: a new one needs no code. */
const Scenario = z.strictObject({
  description: z.string(),
  /** The files of the repository's one commit. */
  repository: z.record(z.string(), z.string()),
  ref: z.string().optional(),
  task: CreateTaskInput,
  limits: RunLimits.partial().optional(),
  /** What the scripted model plays; its own format. */
  model: z.unknown(),
  expected: z.strictObject({
    status: RunStatus,
    reason: RunReason,
    /** In the sentence that people read. */
    sentence: z.string().optional(),
    /** Path to what its diff has to hold; exactly these files differ. */
    changes: z.record(z.string(), z.string()).optional(),
    /** Each must be somewhere in the transcript's text. */
    transcript: z.array(z.string()).default([]),
    /** None may be anywhere in it. */
    notInTranscript: z.array(z.string()).default([]),
    /** How many conversations the agent had with the model. */
    conversations: z.number().optional(),
  }),
});
export type Scenario = z.infer<typeof Scenario> & { name: string };

const folder = join(import.meta.dirname, "../scenarios");

/** Every scenario of the folder, in the order of their names. */
export const loadScenarios = (): Scenario[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => ({ name: basename(file, ".json"), ...Scenario.parse(JSON.parse(readFileSync(join(folder, file), "utf8"))) }));
