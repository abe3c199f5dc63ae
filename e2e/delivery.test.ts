import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DeliverySettings, type Message, type Run } from "@ccr/protocol";
import { parseScenario } from "@ccr/scripted-model";
import { waitFor } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driversUnderTest } from "./src/drivers.ts";
import { type GitHost as Host, openGitHost as openHost } from "./src/git-host.ts";
import { itOnce } from "./src/once.ts";
import { allMessages, REAL_KEY, type Server } from "./src/server.ts";
import { type Stack, startStack } from "./src/stack.ts";

/** An agent that commits one file itself, and leaves another one as it is. */
const scenario = parseScenario({
  name: "delivers",
  rules: [
    {
      match: { contains: "Now add more." },
      remember: { said: { matches: "SAID-([a-z-]+)", otherwise: "nothing" } },
      turns: [
        {
          blocks: [
            { type: "tool_use", name: "Bash", input: { command: "echo {{remembered.said}} > more.txt", description: "Add" } },
          ],
        },
        { blocks: [{ type: "text", text: "There is more." }] },
      ],
    },
    {
      turns: [
        {
          blocks: [
            {
              type: "tool_use",
              name: "Bash",
              input: {
                command:
                  "echo mine > mine.txt && git add mine.txt && git commit -qm 'The work of the agent' && echo rest > rest.txt; echo SAID-heard-in-the-first-run",
                description: "Work",
              },
            },
          ],
        },
        { blocks: [{ type: "text", text: "Both files are there. @everybody look!" }] },
      ],
    },
  ],
});

const BRANCH = DeliverySettings.parse({ to: "branch" });

const launch = async ({ client }: Server, host: Host, delivery: DeliverySettings | null = BRANCH): Promise<Run["id"]> => {
  const steps = [{ instructions: "Make both files.", checks: "$ test -f mine.txt -a -f rest.txt" }];
  const task = await client.tasks.create.mutate({ name: "Two files", steps, delivery });
  return (await client.runs.create.mutate({ taskId: task.id, repository: host.repository })).id;
};

const stagesOf = (messages: readonly Message[]): string[] =>
  messages.flatMap(({ source, body }) =>
    source === "runner" && body.type === "stage" && body.stage === "push" ? [body.state] : [],
  );

const refuseBy = async (host: Host): Promise<string> => {
  const hook = join(host.bare, "hooks", "pre-receive");
  await writeFile(hook, "#!/bin/sh\necho 'this branch is protected' >&2\nexit 1\n");
  await chmod(hook, 0o755);
  return hook;
};

describe.each(await driversUnderTest())("a result on %s", (driver) => {
  const once = itOnce(driver);
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ driver, scenario, environment: { CCR_COMMIT_AUTHOR: "Robot <robot@example.test>" } });
  });
  afterAll(() => stack?.[Symbol.asyncDispose]());

  it("that passed is on its branch, each commit with the author and the run's link", async () => {
    await using host = await openHost();
    const { server } = stack;
    const id = await launch(server, host);
    const run = await server.untilFinal(id);
    expect(run).toMatchObject({
      status: "succeeded",
      reason: "passed",
      delivered: { state: "delivered", isPushed: true, base: "main" },
    });
    const branch = run.delivered?.branch ?? "";
    expect(branch).toBe(`claude/two-files-${id.slice(4).toLowerCase()}`);
    expect(run.sentence).toContain(branch);
    expect(await host.git("rev-parse", branch)).toBe(run.delivered?.commit);
    expect(await host.git("log", "--format=%an <%ae> %s", `main..${branch}`)).toBe(
      "Robot <robot@example.test> Two files\nRobot <robot@example.test> The work of the agent",
    );
    expect(await host.git("log", "--format=%(trailers:key=Claude-Code-Run,valueonly)", `main..${branch}`)).toBe(
      `${server.url}/runs/${id}\n\n${server.url}/runs/${id}`,
    );
    expect(await host.git("show", `${branch}:rest.txt`)).toBe("rest");
    expect(stagesOf(await allMessages(server.client, id))).toEqual(["started", "finished"]);
    expect(JSON.stringify(await host.git("log", "-p", branch))).not.toContain(REAL_KEY);
  });

  once("is gone on with on its branch, in the same conversation", async () => {
    await using host = await openHost();
    const { client, untilFinal } = stack.server;
    const first = await launch(stack.server, host);
    const { delivered } = await untilFinal(first);
    const { id } = await client.runs.followUp.mutate({ id: first, instructions: "Now add more." });
    const run = await untilFinal(id);
    expect(run).toMatchObject({
      reason: "passed",
      ref: delivered?.branch,
      baseCommit: delivered?.commit,
      continues: { runId: first, because: "person" },
      delivered: { state: "delivered", branch: delivered?.branch, base: "main" },
    });
    expect(await host.git("rev-list", "--count", `main..${delivered?.branch}`)).toBe("3");
    // The agent knows what only a tool of the first run ever said.
    expect(await host.git("show", `${delivered?.branch}:more.txt`)).toBe("heard-in-the-first-run");
  });

  once("is nowhere but here without being asked for, and on a branch by a click later", async () => {
    await using host = await openHost();
    const { client, untilFinal } = stack.server;
    const id = await launch(stack.server, host, null);
    expect(await untilFinal(id)).toMatchObject({ reason: "passed", delivered: null });
    expect(await host.git("for-each-ref", "--format=%(refname)")).toBe("refs/heads/main");
    const delivery = DeliverySettings.parse({ to: "branch", branch: "work/{date}" });
    const pushed = await client.runs.push.mutate({ id, delivery });
    expect(pushed.delivered).toMatchObject({ state: "delivered", branch: `work/${pushed.createdAt.slice(0, 10)}` });
    expect(await host.git("show", `${pushed.delivered?.branch}:mine.txt`)).toBe("mine");
  });
});

describe("a push", () => {
  it("that is refused, hangs or is cut leaves the work kept, and works when it is done again", async () => {
    await using stack = await startStack({ driver: "bubblewrap", scenario, environment: { CCR_PUSH_SECONDS: "2" } });
    const { server } = stack;
    await using hosts = new AsyncDisposableStack();
    const [refusing, hanging, cutting] = [hosts.use(await openHost()), hosts.use(await openHost()), hosts.use(await openHost())];
    const hook = await refuseBy(refusing);
    hanging.server.setFault("hang", /receive-pack/);
    cutting.server.setFault("cut", /receive-pack/);
    const cases = [
      { host: refusing, says: "this branch is protected", tries: 1, mend: () => rm(hook) },
      { host: hanging, says: "did not take the push within 2 s", tries: 4, mend: async () => hanging.server.setFault(null) },
      { host: cutting, says: "could not be reached, or broke off", tries: 4, mend: async () => cutting.server.setFault(null) },
    ];
    const launched = await Promise.all(cases.map(async (each) => ({ ...each, id: await launch(server, each.host) })));
    for (const { host, id, says, tries, mend } of launched) {
      const run = await server.untilFinal(id);
      expect(run).toMatchObject({ status: "errored", reason: "push_failed", outcome: { name: "push_failed" } });
      expect(run.sentence).toContain(says);
      expect(run.delivered).toMatchObject({ state: "failed", isPushed: false, tries });
      expect(await host.git("for-each-ref", "--format=%(refname)")).toBe("refs/heads/main");
      // All of the work is there.
      const patch = await (await server.fetch(`/runs/${id}/work.patch`)).text();
      expect(patch).toContain("+mine");
      expect(patch).toContain("+rest");
      const stillNot = await server.client.runs.push.mutate({ id });
      expect(stillNot).toMatchObject({ outcome: { name: "push_failed" }, delivered: { state: "failed", tries: tries + 1 } });
      await mend();
      const again = await server.client.runs.push.mutate({ id });
      expect(again).toMatchObject({
        reason: "push_failed",
        outcome: { name: "passed" },
        delivered: { state: "delivered", problem: null },
      });
      expect(await host.git("rev-parse", again.delivered?.branch ?? "")).toBe(again.delivered?.commit);
      expect(await host.git("show", `${again.delivered?.branch}:rest.txt`)).toBe("rest");
    }
  });

  it("goes on in the next server when its own is killed, and ends at once when the run is canceled", async () => {
    await using stack = await startStack({ driver: "bubblewrap", scenario });
    await using parts = new AsyncDisposableStack();
    const [killed, canceled] = [parts.use(await openHost()), parts.use(await openHost())];
    for (const { server } of [killed, canceled]) server.setFault("hang", /receive-pack/);
    const isHanging = (host: Host) => waitFor(() => host.server.pending() > 0, { what: "a push that hangs" });
    const first = await launch(stack.server, killed);
    await isHanging(killed);
    stack.server.process.kill("SIGKILL");
    await stack.server.stop();
    killed.server.setFault(null);
    await using server = await stack.restart();
    expect(await server.untilFinal(first)).toMatchObject({ reason: "passed", delivered: { state: "delivered" } });
    const second = await launch(server, canceled);
    await isHanging(canceled);
    await server.client.runs.cancel.mutate({ id: second });
    expect(await server.untilFinal(second)).toMatchObject({ status: "canceled" });
    expect(await canceled.git("for-each-ref", "--format=%(refname)")).toBe("refs/heads/main");
  });

  it("of a run that goes on is a conflict, and of one that is not there not found", async () => {
    await using stack = await startStack({ driver: "bubblewrap", scenario });
    await using host = await openHost();
    const { client } = stack.server;
    host.server.setFault("hang", /receive-pack/);
    const id = await launch(stack.server, host);
    await expect(client.runs.push.mutate({ id })).rejects.toMatchObject({ data: { code: "CONFLICT" } });
    await client.runs.cancel.mutate({ id });
    await stack.server.untilFinal(id);
  });
});
