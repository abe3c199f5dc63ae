import { readFile } from "node:fs/promises";
import { type Run, spoolFileName } from "@ccr/protocol";
import { parseScenario } from "@ccr/scripted-model";
import { createGitRepository, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { lasting } from "./faults/cases.ts";
import { type Stack, startStack } from "./src/stack.ts";

const LIMIT_S = 15;

const ticks = (count: number, eachSeconds: number) =>
  parseScenario({
    name: "ticks",
    rules: [
      {
        turns: [
          {
            blocks: [
              {
                type: "tool_use",
                name: "Bash",
                input: { command: `echo tick >> ticks.txt; timeout ${eachSeconds} tail -f /dev/null`, description: "Work" },
              },
            ],
            repeat: count,
          },
          { blocks: [{ type: "text", text: "Done." }] },
        ],
      },
    ],
  });

/** A run at work, whose server is killed; gives the folder of its sandbox. */
const leaveRun = async (stack: Stack, checks: string): Promise<{ id: Run["id"]; folder: string; launchedAt: number }> => {
  await using repository = await createGitRepository({ path: `${stack.repositories}/left`, files: { a: "a\n" } });
  const { client } = stack.server;
  const task = await client.tasks.create.mutate({ name: "Left", steps: [{ instructions: "Tick.", checks }] });
  const limits = { timeSeconds: LIMIT_S };
  const launchedAt = performance.now();
  const { id } = await client.runs.create.mutate({ taskId: task.id, repository: repository.path, limits });
  const { instanceId } = await waitFor(
    async () => {
      const run = await client.runs.byId.query({ id });
      return run.lastSeq > 15 && run;
    },
    { what: "a run at work" },
  );
  stack.server.process.kill("SIGKILL");
  await stack.server.stop();
  return { id, folder: stack.folder.join(`data/instances/${instanceId}`), launchedAt };
};

// Each has servers of its own, and mostly waits: they do so together.
describe.concurrent("a run whose server is away for longer than the run may take", () => {
  it("passes when its agent had finished in time: waiting for a server is no work", async () => {
    await using stack = await startStack({ driver: "bubblewrap" });
    stack.model.setScenario(ticks(15, 0.1));
    const { id, folder, launchedAt } = await leaveRun(stack, "$ test $(wc -l < ticks.txt) = 15");
    await waitFor(async () => (await readFile(`${folder}/spool/${spoolFileName(1)}`, "utf8")).includes('"execution_ended"'), {
      what: "the agent to finish",
    });
    await lasting(Math.max(0, LIMIT_S * 1000 + 2000 - (performance.now() - launchedAt)));
    await using again = await stack.restart();
    expect(await again.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed" });
  });

  it("ends at its limit as soon as the server is back when its agent still works, and what it did is kept", async () => {
    await using stack = await startStack({ driver: "bubblewrap" });
    stack.model.setScenario(ticks(500, 0.5));
    const { id, launchedAt } = await leaveRun(stack, "");
    await lasting(Math.max(0, LIMIT_S * 1000 + 2000 - (performance.now() - launchedAt)));
    await using again = await stack.restart();
    expect(await again.untilFinal(id)).toMatchObject({ status: "failed", reason: "limit_time" });
    expect(await (await again.fetch(`/runs/${id}/work.patch`)).text()).toContain("+tick");
  });
});
