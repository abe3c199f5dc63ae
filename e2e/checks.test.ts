import { mkdir, readdir, writeFile } from "node:fs/promises";
import type { Message, Run } from "@ccr/protocol";
import { parseScenario } from "@ccr/scripted-model";
import { createGitRepository, waitFor } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findParts } from "./faults/processes.ts";
import { driversUnderTest } from "./src/drivers.ts";
import { itOnce } from "./src/once.ts";
import { turnsOf } from "./src/scripted.ts";
import { allMessages, type Server } from "./src/server.ts";
import { type Stack, startStack } from "./src/stack.ts";

const doing = (command: string) =>
  parseScenario({
    name: "doing",
    rules: [{ turns: turnsOf(command, "Done.") }],
  });

const launch = async ({ server, repositories }: Stack, name: string, checks: string): Promise<Run["id"]> => {
  const repository = await createGitRepository({ path: `${repositories}/${name}`, files: { "a.txt": "a\n" } });
  const task = await server.client.tasks.create.mutate({ name, steps: [{ instructions: "Do it.", checks }] });
  return (await server.client.runs.create.mutate({ taskId: task.id, repository: repository.path })).id;
};

const kindsOf = (messages: readonly Message[]): string[] =>
  messages.flatMap(({ source, body }) => (source === "runner" ? [body.type] : []));

const untilChecking = (server: Server, id: Run["id"]) =>
  waitFor(async () => kindsOf(await allMessages(server.client, id)).includes("check_started"), {
    what: "a check",
  });

/** The sandbox of a run's checks, beside that in which its agent was. */
const checkoutOf = async (server: Server, id: Run["id"]): Promise<string> => {
  const { instanceId } = await server.client.runs.byId.query({ id });
  const beside = (await server.client.instances.list.query()).find(
    (instance) => instance.runId === id && instance.id !== instanceId,
  );
  if (beside === undefined) throw new Error("there is no sandbox for the checks");
  return beside.id;
};

describe.each(await driversUnderTest())("checks on %s", (driver) => {
  const once = itOnce(driver);
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ driver });
  });
  afterAll(() => stack?.[Symbol.asyncDispose]());

  it("go on while the server is away, and are not run a second time", async () => {
    await using own = await startStack({ driver, scenario: doing("echo b > b.txt") });
    const id = await launch(own, "away", "$ echo begun; sleep 6; echo ended\n$ test -f b.txt");
    await untilChecking(own.server, id);
    own.server.process.kill("SIGKILL");
    await own.server.stop();
    await using again = await own.restart();
    expect(await again.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed" });
    const messages = await allMessages(again.client, id);
    const kinds = kindsOf(messages);
    for (const [kind, times] of [
      ["check_started", 2],
      ["check_finished", 2],
      ["resumed", 1],
      ["step_finished", 1],
    ] as const)
      expect(
        kinds.filter((each) => each === kind),
        kind,
      ).toHaveLength(times);
    expect(JSON.stringify(messages)).toContain("begun\\nended");
    expect(await again.client.instances.list.query()).toEqual([]);
    await waitFor(async () => (await readdir(own.folder.join("data", "instances"))).length === 0, { what: "no folders" });
  });

  it("begin again in a new sandbox when theirs is killed", async () => {
    stack.model.setScenario(doing("echo b > b.txt"));
    const id = await launch(stack, "killed", "$ echo x >> left.txt\n$ cat left.txt; sleep 5; test $(wc -l < left.txt) = 1");
    await untilChecking(stack.server, id);
    const beside = await checkoutOf(stack.server, id);
    const executor = await waitFor(
      async () =>
        (await findParts([stack.folder.join("data")])).find(
          ({ part, instanceId }) => part === "executor" && instanceId === beside,
        ),
      { what: "its executor" },
    );
    process.kill(executor.pid, "SIGKILL");
    expect(await stack.server.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed" });
    const messages = await allMessages(stack.server.client, id);
    expect(messages).toContainEqual(
      expect.objectContaining({ body: expect.objectContaining({ type: "resumed", after: "sandbox" }) }),
    );
    expect(await stack.server.client.instances.list.query()).toEqual([]);
  });

  it("decide on what was there when the agent said that it is done, and that is the result", async () => {
    stack.model.setScenario(
      doing("echo good > a.txt; (sleep 1.5; while true; do echo bad > a.txt; sleep 0.05; done) > /dev/null 2>&1 &"),
    );
    const id = await launch(stack, "late", "$ sleep 4\n$ grep -q good a.txt");
    expect(await stack.server.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed" });
    const { patch } = await stack.server.client.runs.diff.query({ id });
    expect(patch).toContain("+good");
    const kept = await stack.server.fetch(`/runs/${id}/work.patch`);
    expect(await kept.text()).toContain("+good");
  });

  once("name the host that the network policy refused them, and that they complain about", async () => {
    stack.model.setScenario(doing("echo b > b.txt"));
    const id = await launch(
      stack,
      "refused",
      "$ curl -sS --max-time 20 https://registry.example.org/x 2>&1 || { echo 'cannot reach registry.example.org'; exit 7; }",
    );
    const run = await stack.server.untilFinal(id);
    expect(run).toMatchObject({ status: "failed", reason: "network_refused" });
    expect(run.sentence).toContain("It may not reach registry.example.org.");
    const view = await stack.server.client.runs.byId.query({ id });
    expect(view.outcome).toMatchObject({ name: "network_refused", next: expect.stringContaining("Allow the host") });
  });

  once("can be read as a whole when they print more than the transcript takes", async () => {
    stack.model.setScenario(doing("echo b > b.txt"));
    const printing = "seq -f %07.0f 131072";
    const id = await launch(stack, "long", `$ echo short\n$ ${printing}; echo wrong >&2; exit 1`);
    expect(await stack.server.untilFinal(id)).toMatchObject({ status: "failed", reason: "check_failed" });
    const finished = (await allMessages(stack.server.client, id)).flatMap(({ source, body }) =>
      source === "runner" && body.type === "check_finished" ? [body] : [],
    );
    expect(finished.map(({ result, keptOutput }) => [result.outputTruncated, keptOutput])).toEqual([
      [false, undefined],
      [true, "1-1-2"],
      [false, undefined],
      [true, "1-2-2"],
    ]);
    const numbers = Array.from({ length: 131_072 }, (_, index) => `${String(index + 1).padStart(7, "0")}\n`);
    for (const name of ["1-1-2", "1-2-2"]) {
      const answer = await stack.server.fetch(`/runs/${id}/checks/${name}.txt`);
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      expect((await answer.text()) === `${numbers.join("")}wrong\n`).toBe(true);
    }
    expect((await stack.server.fetch(`/runs/${id}/checks/1-1-1.txt`)).status).toBe(404);
  });

  once("count all the same when what they print cannot be kept as a whole, which is said", async () => {
    stack.model.setScenario(doing("echo b > b.txt"));
    const id = await launch(stack, "unkept", "$ seq 131072\n$ test -f b.txt");
    // Nothing can be put into what is no folder.
    await mkdir(stack.folder.join("data", "kept", id), { recursive: true });
    await writeFile(stack.folder.join("data", "kept", id, "checks"), "");
    expect(await stack.server.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed" });
    const messages = await allMessages(stack.server.client, id);
    const kinds = kindsOf(messages).filter((kind) => kind.startsWith("check_") || kind === "note");
    expect(kinds).toEqual(["check_started", "check_finished", "note", "check_started", "check_finished"]);
    expect(JSON.stringify(messages)).toContain("The whole output of 'seq 131072' could not be kept: ");
    expect((await stack.server.fetch(`/runs/${id}/checks/1-1-1.txt`)).status).toBe(404);
  });

  it("end with the run that is canceled, and leave nothing", async () => {
    stack.model.setScenario(doing("echo b > b.txt"));
    const id = await launch(stack, "canceled", "$ sleep 600");
    await untilChecking(stack.server, id);
    const askedAt = performance.now();
    await stack.server.client.runs.cancel.mutate({ id });
    expect(await stack.server.untilFinal(id)).toMatchObject({ status: "canceled" });
    expect(performance.now() - askedAt).toBeLessThan(20_000);
    expect(await stack.server.client.instances.list.query()).toEqual([]);
    await waitFor(
      async () => (await findParts([stack.folder.join("data")])).every(({ part }) => part === "gateway" || part === "backend"),
      {
        what: "no sandbox",
      },
    );
  });
});
