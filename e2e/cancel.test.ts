import { readdir } from "node:fs/promises";
import { isFinal, type Message, type Run } from "@ccr/protocol";
import { parseScenario } from "@ccr/scripted-model";
import { createGitRepository, type GitRepository, waitFor } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driversUnderTest } from "./src/drivers.ts";
import { allMessages, subscribe } from "./src/server.ts";
import { type Stack, startStack } from "./src/stack.ts";

const worker = parseScenario({
  name: "worker",
  rules: [
    {
      turns: [
        {
          blocks: [
            { type: "tool_use", name: "Bash", input: { command: "echo tick >> ticks.txt; sleep 0.1", description: "Work" } },
          ],
          repeat: 3,
        },
        { blocks: [{ type: "text", text: "Done." }] },
      ],
    },
  ],
});

const said = (message: Message): string => {
  const { source, body } = message;
  if (source === "agent") return `agent ${body.type}`;
  if (body.type === "stage") return `${body.stage} ${body.state}`;
  return body.type === "status" ? body.status : body.type;
};

/** Each is a message after which the person cancels: from the claim to the saving of the work. */
const moments = [
  "starting",
  "mirror started",
  "sandbox started",
  "sandbox finished",
  "clone started",
  "running",
  "step_started",
  "agent assistant",
  "check_started",
  "step_finished",
];

describe.each(await driversUnderTest())("canceling on %s", (driver) => {
  let stack: Stack;
  let repository: GitRepository;
  beforeAll(async () => {
    stack = await startStack({ driver, environment: { CCR_MAX_CONCURRENT_RUNS: "2" } });
    stack.model.setScenario(worker);
    repository = await createGitRepository({ path: `${stack.repositories}/cancel`, thousandFiles: true });
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await stack?.[Symbol.asyncDispose]();
  });

  const launch = async (): Promise<Run["id"]> => {
    const steps = [{ instructions: "Work.", checks: "$ sleep 1" }];
    const task = await stack.server.client.tasks.create.mutate({ name: "Cancel", steps });
    return (await stack.server.client.runs.create.mutate({ taskId: task.id, repository: repository.path })).id;
  };

  /** The folders of a sandbox go right after the run's final status. */
  const untilNoFolders = (): Promise<unknown> =>
    waitFor(
      async () => {
        const [instances, doors] = await Promise.all(
          ["instances", "doors"].map((name) => readdir(stack.folder.join("data", name))),
        );
        return instances?.length === 0 && doors?.join() === "gateway.sock";
      },
      { what: "the folders to be removed" },
    );

  /** What must hold of a canceled run, whenever that was. */
  const expectCanceled = async (id: Run["id"]): Promise<void> => {
    const run = await stack.server.untilFinal(id);
    expect(run).toMatchObject({ status: "canceled", reason: "canceled" });
    const messages = await allMessages(stack.server.client, id);
    expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => index + 1));
    const ends = messages.filter(({ source, body }) => source === "runner" && body.type === "status" && isFinal(body.status));
    // A run that was canceled before it began has nothing to tell.
    expect(ends.length).toBe(run.startedAt === null && messages.length === 0 ? 0 : 1);
  };

  it.each(moments)("leaves nothing when it comes after: %s", async (moment) => {
    const id = await launch();
    for await (const message of subscribe(stack.server, id, null)) {
      if (said(message) === moment) await stack.server.client.runs.cancel.mutate({ id });
    }
    await expectCanceled(id);
    expect(await stack.server.client.instances.list.query()).toEqual([]);
    await untilNoFolders();
  });

  it("takes a run out of the queue, and moves up those behind it", async () => {
    const { client } = stack.server;
    const going = [await launch(), await launch()];
    await waitFor(async () => (await client.runs.byId.query({ id: going[1] ?? "" })).status !== "queued", {
      what: "two going runs",
    });
    const waiting = [await launch(), await launch(), await launch()];
    const [first = "", second = "", third = ""] = waiting;
    expect((await client.runs.byId.query({ id: third })).queue).toEqual({ position: 3, queued: 3, heldBy: "all" });
    await client.runs.setPriority.mutate({ id: third, priority: 10 });
    expect((await client.runs.byId.query({ id: third })).queue?.position).toBe(1);
    expect(await client.runs.cancel.mutate({ id: first })).toMatchObject({ status: "canceled" });
    expect((await client.runs.byId.query({ id: second })).queue).toEqual({ position: 2, queued: 2, heldBy: "all" });
    for (const id of [...going, ...waiting]) await client.runs.cancel.mutate({ id });
    for (const id of [...going, ...waiting]) await expectCanceled(id);
    await expect(client.runs.setPriority.mutate({ id: third, priority: 1 })).rejects.toThrow("only a queued run");
  });

  it("leaves nothing at whatever moment it comes", async () => {
    // Moments that no message marks, spread over the time that a run takes.
    for (let wave = 0; wave < 6; wave++) {
      const ids = await Promise.all([launch(), launch()]);
      await Promise.all(
        ids.map(async (id, index) => {
          await new Promise((resolve) => setTimeout(resolve, (wave * 2 + index) * 150));
          await stack.server.client.runs.cancel.mutate({ id });
        }),
      );
      for (const id of ids) await expectCanceled(id);
    }
    expect(await stack.server.client.instances.list.query()).toEqual([]);
    await untilNoFolders();
  });
});
