import { readFileSync } from "node:fs";
import { Message } from "@ccr/protocol";
import { z } from "zod";
import { clock, runId } from "../sample-messages.ts";

/*
 * What the real Claude Code said to the scripted model, scenario by scenario, with folders renamed and figures of time left out.
 */

const file = new URL("claude-code-2.1.330.json", import.meta.url);
const Scenarios = z.record(z.string(), z.array(z.looseObject({ type: z.string() })));

/** The messages of a scenario as the store gives them. */
export const recorded = (scenario: string): Message[] => {
  const bodies = Scenarios.parse(JSON.parse(readFileSync(file, "utf8")))[scenario];
  if (bodies === undefined) throw new Error(`no scenario ${scenario} was recorded`);
  return bodies.map((body, index) => Message.parse({ runId, seq: index + 1, at: clock(index + 1), source: "agent", body }));
};
