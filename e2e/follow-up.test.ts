import { rm } from "node:fs/promises";
import { DeliverySettings, type Run } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driversUnderTest } from "./src/drivers.ts";
import { type GitHost, openGitHost } from "./src/git-host.ts";
import { itOnce } from "./src/once.ts";
import { allMessages, type Server } from "./src/server.ts";
import { type Stack, startStack } from "./src/stack.ts";

const bash = (command: string) => ({ blocks: [{ type: "tool_use", name: "Bash", input: { command, description: "Work" } }] });
const says = (text: string) => ({ blocks: [{ type: "text", text }] });

/** An agent that commits one file itself on a branch of its own, and leaves another one; nothing of it passes the checks until it is told to add more. */
const scenario = {
  name: "goes on",
  rules: [
    {
      match: { contains: "Now add more." },
      remember: { said: { matches: "SAID-([a-z-]+)", otherwise: "nothing" } },
      turns: [bash("git status --porcelain --branch > seen.txt; echo {{remembered.said}} > more.txt"), says("There is more.")],
    },
    {
      match: { contains: "Now add to both." },
      turns: [
        bash("cat hello/one.txt hello-2/two.txt > hello/more.txt; git -C hello-2 branch --show-current >> hello/more.txt"),
        says("Added."),
      ],
    },
    {
      match: { contains: "Make it in both." },
      turns: [
        bash(
          "echo one > hello/one.txt; cd hello-2 && git checkout -qb mine && echo two > two.txt && git add . && git commit -qm two",
        ),
        says("It is in both."),
      ],
    },
    {
      match: { contains: "Take your time." },
      turns: [
        bash("echo slow > slow.txt; echo SAID-heard-while-it-was-slow"),
        { ...bash("timeout 0.3 tail -f /dev/null; echo tick"), repeat: 500 },
      ],
    },
    {
      turns: [
        bash(
          "git checkout -qb mine && echo mine > mine.txt && git add mine.txt && git commit -qm 'The work of the agent' && echo changed > a.txt && echo rest > rest.txt; echo SAID-heard-in-the-first-run",
        ),
        says("Both files are there."),
      ],
    },
  ],
};

const BRANCH = DeliverySettings.parse({ to: "branch" });
const CHECKS = "$ test -f more.txt";

const launch = async ({ client }: Server, host: GitHost, instructions = "Make both files."): Promise<Run["id"]> => {
  const task = await client.tasks.create.mutate({
    name: "Some files",
    steps: [{ instructions, checks: CHECKS }],
    delivery: BRANCH,
  });
  return (await client.runs.create.mutate({ taskId: task.id, repository: host.repository, limits: { maxAttempts: 1 } })).id;
};

const filesOf = async ({ client }: Server, id: Run["id"]): Promise<string[]> =>
  (await client.runs.diff.query({ id })).files.map(({ path }) => path).sort();

describe.each(await driversUnderTest())("work on no branch on %s", (driver) => {
  const once = itOnce(driver);
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ driver, scenario });
  });
  afterAll(() => stack?.[Symbol.asyncDispose]());

  it("of a run that failed is gone on with as it was left, in its conversation, and delivered as a whole", async () => {
    await using host = await openGitHost();
    const { server } = stack;
    const { client } = server;
    const first = await launch(server, host);
    const failed = await server.untilFinal(first);
    expect(failed).toMatchObject({ status: "failed", reason: "check_failed", delivered: null });
    const said = await client.talk.say.mutate({ id: first, text: "Now add more.", idempotencyKey: "once" });
    if (said.kind !== "launched") throw new Error("no run was launched");
    expect(await client.runs.followUp.mutate({ id: first, instructions: "Now add more.", idempotencyKey: "once" })).toEqual({
      id: said.id,
    });
    const run = await server.untilFinal(said.id);
    expect(run).toMatchObject({
      reason: "passed",
      ref: null,
      baseCommit: failed.baseCommit,
      continues: { runId: first, because: "person", fromKept: [null] },
      delivered: { state: "delivered", isPushed: true, base: "main" },
    });
    // All of it is the result, though the second run did only a part of it.
    expect(await filesOf(server, said.id)).toEqual(["a.txt", "mine.txt", "more.txt", "rest.txt", "seen.txt"]);
    const branch = run.delivered?.branch ?? "";
    expect(await host.git("log", "--format=%s", `main..${branch}`)).toBe("Some files\nThe work of the agent");
    expect(await host.git("show", `${branch}:rest.txt`)).toBe("rest");
    // It was where the agent had left it, and the agent knows what only a tool of the first run ever said.
    expect(await host.git("show", `${branch}:seen.txt`)).toBe("## mine\n M a.txt\n?? rest.txt\n?? seen.txt");
    expect(await host.git("show", `${branch}:more.txt`)).toBe("heard-in-the-first-run");
    // Nothing else was ever pushed.
    expect((await host.git("for-each-ref", "--format=%(refname)")).split("\n")).toHaveLength(2);
    const told = JSON.stringify(await allMessages(client, said.id));
    expect(told).toContain(`going on with the work of ${first}`);
  });

  once("of a run that was canceled is gone on with, when its repository has moved on, and again from there", async () => {
    await using host = await openGitHost();
    const { server } = stack;
    const { client } = server;
    const first = await launch(server, host, "Take your time.");
    await waitFor(async () => JSON.stringify(await allMessages(client, first)).includes("tick"), {
      what: "an agent at work",
    });
    await client.runs.cancel.mutate({ id: first });
    const canceled = await server.untilFinal(first);
    expect(canceled.status).toBe("canceled");
    // The commit that it began from is on no branch any more.
    const tree = await host.git("rev-parse", "main^{tree}");
    const anew = await host.git("-c", "user.name=t", "-c", "user.email=t@t.test", "commit-tree", tree, "-m", "anew");
    await host.git("update-ref", "refs/heads/main", anew);
    const second = await client.runs.followUp.mutate({ id: first, instructions: "Make both files." });
    expect(await server.untilFinal(second.id)).toMatchObject({ reason: "check_failed", baseCommit: canceled.baseCommit });
    const third = await client.runs.followUp.mutate({ id: second.id, instructions: "Now add more." });
    expect(await server.untilFinal(third.id)).toMatchObject({
      reason: "passed",
      baseCommit: canceled.baseCommit,
      continues: { runId: second.id, fromKept: [null] },
    });
    expect(await filesOf(server, third.id)).toEqual(["a.txt", "mine.txt", "more.txt", "rest.txt", "seen.txt", "slow.txt"]);
  });

  once("in several repositories is gone on with in each of them, and pushed to a branch of each", async () => {
    await using hosts = new AsyncDisposableStack();
    const [one, two, untouched] = [
      hosts.use(await openGitHost()),
      hosts.use(await openGitHost()),
      hosts.use(await openGitHost()),
    ];
    const { server } = stack;
    const { client } = server;
    const steps = [{ instructions: "Make it in both.", checks: "$ test -f hello/more.txt" }];
    const task = await client.tasks.create.mutate({ name: "Both", steps, delivery: BRANCH });
    const { id: first } = await client.runs.create.mutate({
      taskId: task.id,
      repository: one.repository,
      additionalRepositories: [{ repository: two.repository }, { repository: untouched.repository }],
      limits: { maxAttempts: 1 },
    });
    expect(await server.untilFinal(first)).toMatchObject({ reason: "check_failed" });
    const { id } = await client.runs.followUp.mutate({ id: first, instructions: "Now add to both." });
    const run = await server.untilFinal(id);
    expect(run).toMatchObject({ reason: "passed", continues: { fromKept: ["hello", "hello-2"] } });
    expect(await filesOf(server, id)).toEqual(["hello-2/two.txt", "hello/more.txt", "hello/one.txt"]);
    const branch = run.delivered?.branch ?? "";
    expect(await one.git("show", `${branch}:more.txt`)).toBe("one\ntwo\nmine");
    expect(await two.git("log", "--format=%s", `main..${branch}`)).toBe("two");
    expect(await untouched.git("for-each-ref", "--format=%(refname)")).toBe("refs/heads/main");
  });

  once("is told to be gone when it was removed, before anything is launched", async () => {
    await using host = await openGitHost();
    const { server, folder } = stack;
    const { client } = server;
    const first = await launch(server, host);
    await server.untilFinal(first);
    await rm(folder.join("data", "kept", first), { recursive: true });
    for (const goOn of [
      () => client.runs.followUp.mutate({ id: first, instructions: "Now add more." }),
      () => client.talk.say.mutate({ id: first, text: "Now add more." }),
    ])
      await expect(goOn()).rejects.toMatchObject({
        message: expect.stringMatching(/not kept any more: launch that run again/),
        data: { code: "CONFLICT" },
      });
    expect((await client.runs.list.query({ limit: 1 }))[0]?.id).toBe(first);
  });
});

describe("work that is removed while the run that is to go on with it waits", () => {
  it("ends that run with what to do next", async () => {
    await using stack = await startStack({ driver: "bubblewrap", scenario, environment: { CCR_MAX_CONCURRENT_RUNS: "1" } });
    await using host = await openGitHost();
    const { server, folder } = stack;
    const { client } = server;
    const first = await launch(server, host);
    await server.untilFinal(first);
    const inFront = await launch(server, host, "Take your time.");
    await waitFor(async () => (await client.runs.byId.query({ id: inFront })).status === "running", {
      what: "the run in front",
    });
    const { id } = await client.runs.followUp.mutate({ id: first, instructions: "Now add more." });
    await rm(folder.join("data", "kept", first), { recursive: true });
    await client.runs.cancel.mutate({ id: inFront });
    const run = await server.untilFinal(id);
    expect(run).toMatchObject({ status: "errored", reason: "work_gone", outcome: { name: "clone_failed" } });
    expect(run.sentence).toContain(`not kept any more. It is that of ${first} in ${host.repository}.`);
    await expect(client.runs.followUp.mutate({ id, instructions: "More." })).rejects.toMatchObject({
      message: expect.stringContaining(`go on from ${first} again`),
    });
    await expect(client.runs.retry.mutate({ id })).rejects.toMatchObject({
      message: expect.stringContaining("not kept any more"),
    });
  });
});
