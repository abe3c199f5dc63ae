import { link, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Message, type Run, SpoolEvent, spoolFileName } from "@ccr/protocol";
import { parseScenario } from "@ccr/scripted-model";
import { createGitRepository, startGitHttpServer, waitFor } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driversUnderTest } from "./src/drivers.ts";
import { itOnce } from "./src/once.ts";
import { allMessages, subscribe } from "./src/server.ts";
import { type Stack, startStack } from "./src/stack.ts";

const bash = (command: string, extra: Record<string, unknown> = {}) => ({
  type: "tool_use",
  name: "Bash",
  input: { command, description: "Work", ...extra },
});
const twoSteps = parseScenario({
  name: "two-steps",
  rules: [
    {
      match: { contains: "FIRST" },
      turns: [
        { blocks: [{ type: "text", text: "Counting." }, bash("git ls-files | wc -l")] },
        { blocks: [bash("echo one > one.txt && git add -A && git commit -qm 'Add one'")] },
        { blocks: [{ type: "text", text: "The first step is done." }] },
      ],
    },
    {
      match: { contains: "SECOND" },
      turns: [
        { blocks: [bash("cat one.txt && rm src/part-00/file-000.txt")] },
        { blocks: [{ type: "text", text: "The second step is done." }] },
      ],
    },
  ],
});
const steps = [
  { instructions: "FIRST step", checks: "$ test -f one.txt" },
  { instructions: "SECOND step", checks: "$ test ! -e src/part-00/file-000.txt" },
];
const done = { blocks: [{ type: "text", text: "Done." }] };
/** Works until somebody ends it: one short command after the other, few enough that they leave others the processor. */
const endless = parseScenario({
  name: "endless",
  rules: [{ turns: [{ blocks: [bash("echo tick >> ticks.txt; timeout 1 tail -f /dev/null")], repeat: 500 }] }],
});

/** The folders of a sandbox go right after the run's final status. */
const untilNoFolders = (stack: Stack): Promise<unknown> =>
  waitFor(async () => (await readdir(stack.folder.join("data", "instances"))).length === 0, {
    what: "the folders to be removed",
  });

describe.each(await driversUnderTest())("on %s", (driver) => {
  const once = itOnce(driver);
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ driver });
  });
  afterAll(() => stack?.[Symbol.asyncDispose]());

  const launch = async (repository: string, taskSteps: { instructions: string; checks: string }[]): Promise<Run["id"]> => {
    const task = await stack.server.client.tasks.create.mutate({ name: "Test", steps: taskSteps });
    const { id } = await stack.server.client.runs.create.mutate({ taskId: task.id, repository });
    return id;
  };
  /** Keeps the spool's file alive beyond the sandbox, by a second name. */
  const holdSpool = (id: Run["id"]): Promise<string> =>
    waitFor(
      async () => {
        const { instanceId } = await stack.server.client.runs.byId.query({ id });
        if (instanceId === null) return null;
        const held = stack.folder.join(`${id}.spool`);
        await link(stack.folder.join("data", "instances", instanceId, "spool", spoolFileName(1)), held);
        return held;
      },
      { what: "the spool" },
    );

  it.each(["local path", "http URL"])(
    "works on a thousand files given by %s: two steps, one conversation, the transcript equal to the spool",
    async (kind) => {
      const { server, model, repositories } = stack;
      model.setScenario(twoSteps);
      await using repository = await createGitRepository({
        path: `${repositories}/thousand.git`,
        thousandFiles: true,
        bare: true,
      });
      await using git = await startGitHttpServer({ root: repositories });
      const id = await launch(kind === "local path" ? repository.path : `${git.url}/thousand.git`, steps);
      const live: Message[] = [];
      const following = (async () => {
        for await (const message of subscribe(server, id, null)) live.push(message);
      })();
      const spool = await holdSpool(id);
      const run = await server.untilFinal(id);
      await following;
      expect(run).toMatchObject({ status: "succeeded", reason: "passed", driver });

      const stored = await allMessages(server.client, id, 7);
      expect(live).toEqual(stored);
      expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, index) => index + 1));
      const agent = stored.filter(({ source }) => source === "agent");
      const sessions = new Set(
        stored.flatMap(({ source, body }) => (source === "agent" && body.type === "assistant" ? [body.session_id] : [])),
      );
      expect(sessions.size).toBe(1);

      const spooled = (await readFile(spool, "utf8"))
        .trimEnd()
        .split("\n")
        .map((line) => SpoolEvent.parse(JSON.parse(line)));
      const kinds = ["execution_started", "execution_ended"];
      const relayed = stored.filter(({ source, body }) => source === "agent" || kinds.includes(body.type));
      expect(relayed.map(({ at, source, body }) => ({ at, source, body }))).toEqual(
        spooled
          .filter(({ source, body }) => source === "agent" || kinds.includes(body.type))
          .map(({ at, source, body }) => ({ at, source, body })),
      );
      expect(agent.length).toBe(spooled.filter(({ source }) => source === "agent").length);

      const diff = await server.client.runs.diff.query({ id });
      expect(diff.files.map(({ path, status }) => [path, status])).toEqual([
        ["one.txt", "added"],
        ["src/part-00/file-000.txt", "deleted"],
      ]);
    },
  );

  once("replays from the last event that a subscriber has, without a gap or a double", async () => {
    const { server, model, repositories } = stack;
    model.setScenario(twoSteps);
    await using repository = await createGitRepository({ path: `${repositories}/replay`, thousandFiles: true });
    const id = await launch(repository.path, steps);
    const seen: number[] = [];
    // Hangs up after every third message, as a bad connection would.
    for (let ended = false; !ended; ) {
      let count = 0;
      ended = true;
      for await (const message of subscribe(server, id, seen.at(-1) ?? 0)) {
        seen.push(message.seq);
        if (++count === 3) {
          ended = false;
          break;
        }
      }
    }
    const stored = await allMessages(server.client, id);
    expect(seen).toEqual(stored.map(({ seq }) => seq));
  });

  it("cancels a run that works, keeps what it did, and leaves no sandbox", async () => {
    const { server, model, repositories } = stack;
    model.setScenario(endless);
    await using repository = await createGitRepository({ path: `${repositories}/cancel`, files: { a: "a\n" } });
    const id = await launch(repository.path, [{ instructions: "Go on.", checks: "" }]);
    await waitFor(async () => (await server.client.runs.diff.query({ id }).catch(() => null))?.patch.includes("tick"), {
      what: "the first tick in the live diff",
    });
    const [instance] = await server.client.instances.list.query();
    expect(instance).toMatchObject({ runId: id, status: "executing" });
    expect((await server.client.runs.cancel.mutate({ id })).status).toBe("canceling");
    const run = await server.untilFinal(id);
    expect(run).toMatchObject({ status: "canceled", reason: "canceled" });
    expect((await server.client.runs.diff.query({ id })).patch).toContain("+tick");
    expect(await server.client.instances.list.query()).toEqual([]);
    await untilNoFolders(stack);
    expect((await server.client.runs.cancel.mutate({ id })).status).toBe("canceled");
  });

  it("removes an instance, and with it cancels its run", async () => {
    const { server, model, repositories } = stack;
    model.setScenario(endless);
    await using repository = await createGitRepository({ path: `${repositories}/remove`, files: { a: "a\n" } });
    const id = await launch(repository.path, [{ instructions: "Go on.", checks: "" }]);
    const instance = await waitFor(
      async () => (await server.client.instances.list.query()).find(({ status }) => status === "executing"),
      {
        what: "an executing instance",
      },
    );
    expect((await server.client.instances.remove.mutate({ id: instance.id })).status).toBe("stopped");
    expect(await server.untilFinal(id)).toMatchObject({ status: "canceled" });
  });

  it.each([
    ["its executor", "pkill -9 -f executor/src/main.ts", "sandbox"],
    ["its agent", "kill -9 $PPID", "agent"],
  ])("goes on with a run after %s was killed, with every message and change", async (_, kill, after) => {
    const { server, model, repositories } = stack;
    const once = `echo tick >> ticks.txt; if test $(wc -l < ticks.txt) = 3; then sleep 0.3; ${kill}; sleep 5; fi`;
    model.setScenario(parseScenario({ name: "dies-once", rules: [{ turns: [{ blocks: [bash(once)], repeat: 6 }, done] }] }));
    await using repository = await createGitRepository({ path: `${repositories}/dies-of-${after}`, files: { a: "a\n" } });
    const id = await launch(repository.path, [{ instructions: "Tick.", checks: "$ test $(wc -l < ticks.txt) -ge 6" }]);
    const spool = await holdSpool(id);
    const run = await server.untilFinal(id);
    expect(run).toMatchObject({ status: "succeeded", reason: "passed" });
    const spooled = (await readFile(spool, "utf8")).trimEnd().split("\n").length;
    const stored = await allMessages(server.client, id);
    const relayed = stored.filter(({ source, body }) => source === "agent" || body.type.startsWith("execution_"));
    expect(relayed.length).toBe(spooled);
    const resumed = stored.flatMap(({ source, body }) => (source === "runner" && body.type === "resumed" ? [body.after] : []));
    expect(resumed).toEqual(after === "sandbox" ? ["sandbox", "agent"] : ["agent"]);
    const sessions = stored.flatMap(({ source, body }) =>
      source === "agent" && body.type === "assistant" ? [body.session_id] : [],
    );
    expect(new Set(sessions).size).toBe(1);
    expect((await server.client.runs.diff.query({ id })).patch).toContain("+tick");
    expect(await server.client.instances.list.query()).toEqual([]);
  });

  it("gives up a run whose agent kills its executor again and again, and keeps what it did", async () => {
    const { server, model, repositories } = stack;
    const kill = "echo before >> before.txt; sleep 0.2; pkill -9 -f 'executor/src/main[.]ts'; sleep 5";
    model.setScenario(parseScenario({ name: "suicide", rules: [{ turns: [{ blocks: [bash(kill)], repeat: 3 }] }] }));
    await using repository = await createGitRepository({ path: `${repositories}/killed`, files: { a: "a\n" } });
    const id = await launch(repository.path, [{ instructions: "Kill it.", checks: "" }]);
    const run = await server.untilFinal(id);
    expect(run).toMatchObject({ status: "errored", reason: "sandbox_lost" });
    expect(run.sentence).toContain("started again 5 times");
    expect((await server.client.runs.diff.query({ id })).patch).toContain("+before");
    expect(await server.client.instances.list.query()).toEqual([]);
  });

  it("outlives an agent that ruins its spool, puts a link in the place of its door, and kills its executor", async () => {
    const { server, model, repositories } = stack;
    const ruin =
      `echo work > work.txt; cd /spool; truncate -s 0 ${spoolFileName(1)}; truncate -s 700M ${spoolFileName(1)}; chmod 000 *; ` +
      "rm /doors/executor.sock; ln -s /run/docker.sock /doors/executor.sock; pkill -9 -f executor/src/main.ts; sleep 5";
    model.setScenario(parseScenario({ name: "ruin", rules: [{ turns: [{ blocks: [bash(ruin)], repeat: 2 }] }] }));
    await using repository = await createGitRepository({ path: `${repositories}/ruin`, files: { a: "a\n" } });
    const id = await launch(repository.path, [{ instructions: "Ruin it.", checks: "" }]);
    const run = await server.untilFinal(id);
    expect(run).toMatchObject({ status: "errored", reason: "sandbox_lost" });
    const stored = await allMessages(server.client, id);
    expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, index) => index + 1));
    expect(await server.client.instances.list.query()).toEqual([]);
    await untilNoFolders(stack);
    const kept = /kept in (\S+?)\.?$/.exec(run.sentence ?? "")?.[1];
    const changes =
      kept === undefined ? (await server.client.runs.diff.query({ id })).patch : await readFile(join(kept, "work.txt"), "utf8");
    expect(changes).toContain("work");
  });

  it("ends a run at its limits of time and of disk", async () => {
    const { server, model, repositories } = stack;
    model.setScenario(endless);
    await using repository = await createGitRepository({ path: `${repositories}/limits`, files: { a: "a\n" } });
    const task = await server.client.tasks.create.mutate({ name: "Limits", steps: [{ instructions: "Go on.", checks: "" }] });
    const late = await server.client.runs.create.mutate({
      taskId: task.id,
      repository: repository.path,
      limits: { timeSeconds: 10 },
    });
    expect(await server.untilFinal(late.id)).toMatchObject({ status: "failed", reason: "limit_time" });
    model.setScenario(
      parseScenario({
        name: "fills",
        rules: [
          {
            turns: [
              { blocks: [bash("for i in 1 2 3 4; do head -c 30000000 /dev/zero > f$i; done; sleep 60", { timeout: 90_000 })] },
            ],
          },
        ],
      }),
    );
    const full = await server.client.runs.create.mutate({ taskId: task.id, repository: repository.path, limits: { diskMb: 64 } });
    const run = await server.untilFinal(full.id);
    expect(run).toMatchObject({ status: "failed", reason: "limit_disk" });
    expect(run.sentence).toContain("64 MiB");
  });

  it.each(["SIGINT", "SIGKILL"] as const)(
    "goes on with a run when the server is up again after %s: the agent worked on meanwhile, and nothing is lost or doubled",
    async (signal) => {
      await using own = await startStack({ driver });
      const tick = bash("echo tick >> ticks.txt; sleep 0.2");
      own.model.setScenario(parseScenario({ name: "ticks", rules: [{ turns: [{ blocks: [tick], repeat: 25 }, done] }] }));
      await using repository = await createGitRepository({ path: `${own.repositories}/left`, files: { a: "a\n" } });
      const steps = [{ instructions: "Tick.", checks: "$ test $(wc -l < ticks.txt) = 25" }];
      const task = await own.server.client.tasks.create.mutate({ name: "Left", steps });
      const { id } = await own.server.client.runs.create.mutate({ taskId: task.id, repository: repository.path });
      const { instanceId } = await waitFor(
        async () => {
          const run = await own.server.client.runs.byId.query({ id });
          return run.lastSeq > 25 && run;
        },
        { what: "a run at work" },
      );
      const ticks = async () =>
        (await readFile(own.folder.join(`data/instances/${instanceId}/workspace/ticks.txt`), "utf8")).length;
      own.server.process.kill(signal);
      await own.server.stop();
      const before = await ticks();
      await waitFor(async () => (await ticks()) > before, { what: "the agent to work on without a server" });
      await using again = await own.restart();
      expect(await again.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed", instanceId });
      const stored = await allMessages(again.client, id);
      expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, index) => index + 1));
      const kinds = stored.flatMap(({ source, body }) => (source === "runner" ? [body.type] : []));
      for (const kind of ["resumed", "step_started", "execution_started", "execution_ended", "step_finished"])
        expect(
          kinds.filter((each) => each === kind),
          kind,
        ).toHaveLength(1);
      const results = stored.filter(({ source, body }) => source === "agent" && body.type === "user");
      expect(results.length).toBe(25);
      expect(await again.client.instances.list.query()).toEqual([]);
      await untilNoFolders(own);
    },
  );

  it("launches a run anew whose launch was cut by a kill, once", async () => {
    await using own = await startStack({ driver });
    await using repository = await createGitRepository({ path: `${own.repositories}/cut`, thousandFiles: true });
    const task = await own.server.client.tasks.create.mutate({
      name: "Cut",
      steps: [{ instructions: "Go.", checks: "$ true" }],
      allowNoChanges: true,
    });
    const { id } = await own.server.client.runs.create.mutate({ taskId: task.id, repository: repository.path });
    for await (const { source, body } of subscribe(own.server, id, null)) {
      if (source === "runner" && body.type === "stage" && body.stage === "sandbox") break;
    }
    own.server.process.kill("SIGKILL");
    await own.server.stop();
    await using again = await own.restart();
    expect(await again.untilFinal(id)).toMatchObject({ status: "succeeded" });
    const stored = await allMessages(again.client, id);
    expect(stored.filter(({ source, body }) => source === "runner" && body.type === "step_started")).toHaveLength(1);
    expect(await again.client.instances.list.query()).toEqual([]);
    await untilNoFolders(own);
  });
});
