import { join } from "node:path";
import { loadScenario, type Scenario } from "./scenario.ts";

const root = join(import.meta.dirname, "..");

/** The folder with the demo repository's files; it is no git repository itself. */
export const demoRepositoryFolder = join(root, "demo", "repository");

export const demoScenarioPath = join(root, "scenarios", "demo.json");

/** Reads the scenario that plays the demo task. */
export const loadDemoScenario = (): Promise<Scenario> => loadScenario(demoScenarioPath);

/** The task that the demo scenario knows how to work on, in the form that `tasks.create` takes. */
export const demoTask = {
  name: "Add a monthly summary to the ledger",
  steps: [
    {
      instructions: [
        "Add a `summary` command to Pocket Ledger.",
        "",
        "`node src/main.js summary <file>` prints one line for each month, oldest first: the month, what came in, what was spent, and what is left of it.",
        "Put the arithmetic into `src/summary.js`, write tests for it, and commit when all tests pass.",
      ].join("\n"),
      checks: "$ node --test\n$ node src/main.js summary examples/household.ledger",
    },
    {
      instructions: "Document the `summary` command in README.md, with an example of what it prints, and commit.",
      checks: '$ node --test\n$ grep -q "main.js summary" README.md\n$ test -z "$(git status --porcelain)"',
    },
  ],
};
