import type { CreateTaskInput } from "@ccr/protocol";
import { parseScenario, type Scenario } from "@ccr/scripted-model";

/** What each run of the suite works on: a row of small tool calls in two steps, each numbered, so that a missing one is seen. */
export type Script = {
  /** Tool calls of one step. */
  calls: number;
  /** How long the model thinks before each answer. */
  thinkMs: number;
};

export const STEPS = [1, 2] as const;

// Git's own lock files stay when it is killed; nobody else uses this workspace.
const COMMIT =
  'rm -f .git/index.lock .git/HEAD.lock .git/refs/heads/*.lock; git add -A && git commit -qm "Work up to $k" || true';

/**
 * What the model plays. The number of the next call follows from the results that the model was given, not from the files: when the
 * workspace and the conversation are no longer of one moment, a line is missing in the end.
 */
export const scriptedWork = ({ thinkMs }: Pick<Script, "thinkMs">): Scenario =>
  parseScenario({
    name: "faults",
    pace: { firstByteMs: thinkMs },
    rules: [
      {
        name: "work",
        match: { matches: "FAULTS (\\w+) STEP (\\d+) CALLS (\\d+)", scope: "conversation" },
        remember: { last: { matches: "DID-{{match.2}}-(\\d+)", otherwise: "0" } },
        turns: [
          {
            choose: [
              { when: { toolResultContains: "ALL DONE" }, blocks: [{ type: "text", text: "Step {{match.2}} is done." }] },
              {
                blocks: [
                  {
                    type: "tool_use",
                    name: "Bash",
                    input: {
                      description: "Work",
                      command: {
                        lines: [
                          "k=$(( {{remembered.last}} + 1 ))",
                          'if [ $k -gt {{match.3}} ]; then echo "ALL DONE"; exit; fi',
                          'echo "{{match.1}}-{{match.2}}-$k" >> work.log',
                          `if [ $(( k % 20 )) -eq 0 ]; then ${COMMIT}; fi`,
                          'echo "DID-{{match.2}}-$k"',
                          'if [ $k -eq {{match.3}} ]; then echo "ALL DONE"; fi',
                        ],
                      },
                    },
                  },
                ],
              },
            ],
            repeat: 100_000,
          },
        ],
      },
    ],
  });

/** The task of one run, with checks that take long enough to be hit. */
export const taskOf = (mark: string, { calls }: Pick<Script, "calls">): CreateTaskInput => ({
  name: `Faults ${mark}`,
  allowNoChanges: false,
  steps: STEPS.map((step) => ({
    instructions: `FAULTS ${mark} STEP ${step} CALLS ${calls}`,
    checks: [`$ test "$(grep -c '^${mark}-${step}-' work.log)" -ge ${calls}`, `$ sleep 0.6; echo ${checkLine(mark, step)}`].join(
      "\n",
    ),
  })),
});

/** What a check of a step writes down when it runs. */
export const checkLine = (mark: string, step: number): string => `${mark}-check-${step}`;

/** The lines that the work of a run has to leave. */
export const workLines = (mark: string, { calls }: Pick<Script, "calls">): string[] =>
  STEPS.flatMap((step) => Array.from({ length: calls }, (_, index) => `${mark}-${step}-${index + 1}`));
