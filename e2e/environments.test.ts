import { readdir, readFile, stat } from "node:fs/promises";
import type { CreateEnvironmentInput, EnvironmentId, Message, Run } from "@ccr/protocol";
import { parseScenario } from "@ccr/scripted-model";
import { createGitRepository, type GitRepository, waitFor } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findParts } from "./faults/processes.ts";
import { driversUnderTest } from "./src/drivers.ts";
import { itOnce } from "./src/once.ts";
import { turnsOf } from "./src/scripted.ts";
import { allMessages, type Server } from "./src/server.ts";
import { type Stack, startStack } from "./src/stack.ts";

type NewEnvironment = Pick<CreateEnvironmentInput, "name"> & {
  setup?: Partial<CreateEnvironmentInput["setup"]> & { script: string };
} & Omit<Partial<CreateEnvironmentInput>, "name" | "setup">;

const SECRET = "s3cret-value-of-the-test/+=";

/** The agent runs one command, changes a file, and says what the command printed. */
const doing = (command: string) =>
  parseScenario({
    name: "doing",
    rules: [{ turns: turnsOf(`${command}; echo b > b.txt`, "SAW<<{{lastToolResult}}>>") }],
  });

const launch = async (
  { client }: Server,
  { repository, checks = "", environment }: { repository: string; checks?: string; environment: NewEnvironment | EnvironmentId },
): Promise<Run["id"]> => {
  const task = await client.tasks.create.mutate({ name: "Work", steps: [{ instructions: "Do it.", checks }] });
  const environmentId = typeof environment === "string" ? environment : (await client.environments.create.mutate(environment)).id;
  return (await client.runs.create.mutate({ taskId: task.id, repository, environmentId })).id;
};

const ours = (messages: readonly Message[]) => messages.flatMap(({ source, body }) => (source === "runner" ? [body] : []));
const outputOf = (messages: readonly Message[]): string =>
  ours(messages)
    .map((body) => (body.type === "setup_output" ? body.text : ""))
    .join("");
const saidOf = (messages: readonly Message[]): string => /SAW<<([\s\S]*?)>>/.exec(JSON.stringify(messages))?.[1] ?? "";
const stagesOf = (messages: readonly Message[]): string[] =>
  ours(messages).flatMap((body) => (body.type === "stage" && body.state === "finished" ? [body.stage] : []));

describe.each(await driversUnderTest())("environments on %s", (driver) => {
  const once = itOnce(driver);
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ driver });
  });
  afterAll(() => stack?.[Symbol.asyncDispose]());

  const repositoryOf = (name: string, files: Record<string, string> = {}): Promise<GitRepository> =>
    createGitRepository({
      path: `${stack.repositories}/${name}`,
      files: { "a.txt": "a\n", ".gitignore": "deps/\n", "package-lock.json": "1\n", ...files },
    });

  it("are set up once: agent and checks find what that left, the next run too, and another lock file makes it anew", async () => {
    const { server } = stack;
    stack.model.setScenario(doing("cat deps/token ~/tool/token built; echo $PLAIN; git status --porcelain"));
    await using repository = await repositoryOf("once");
    const environment = await server.client.environments.create.mutate({
      name: "Once",
      variables: { PLAIN: "plain-value" },
      setup: {
        script:
          "head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \\n' > token\nmkdir -p deps ~/tool\ncp token deps/token\ncp token ~/tool/token\nmv token built\necho changed >> a.txt\necho set up with $PLAIN as $(id -un)",
      },
    });
    const checks =
      '$ test "$(cat deps/token)" = "$(cat ~/tool/token)" && cat deps/token && test $PLAIN = plain-value && test -z "$(git status --porcelain)"';
    const first = await launch(server, { repository: repository.path, checks, environment: environment.id });
    expect(await server.untilFinal(first)).toMatchObject({ status: "succeeded", reason: "passed" });
    const messages = await allMessages(server.client, first);
    expect(outputOf(messages)).toBe("set up with plain-value as agent\n");
    expect(stagesOf(messages)).toEqual(expect.arrayContaining(["setup", "sandbox", "clone", "checkout"]));
    expect(JSON.stringify(messages)).toContain("Not kept of the set-up, since git tracks it: changes to a.txt.");
    const said = saidOf(messages);
    const token = said.slice(0, 32);
    expect(token).toMatch(/^[0-9a-f]{32}$/);
    expect(said).toBe(`${token}${token}${token}plain-value`);
    const { files } = await server.client.runs.diff.query({ id: first });
    expect(files.map(({ path }) => path)).toEqual(["b.txt"]);

    const second = await launch(server, { repository: repository.path, checks, environment: environment.id });
    expect(await server.untilFinal(second)).toMatchObject({ reason: "passed" });
    const again = await allMessages(server.client, second);
    expect(outputOf(again)).toBe("");
    expect(saidOf(again)).toContain(token);
    expect(JSON.stringify(again)).toContain("is used again");

    await repository.commit({ message: "Lock anew", files: { "package-lock.json": "2\n" } });
    const third = await launch(server, { repository: repository.path, environment: environment.id });
    expect(await server.untilFinal(third)).toMatchObject({ reason: "passed" });
    const anew = await allMessages(server.client, third);
    expect(outputOf(anew)).toContain("set up with");
    expect(saidOf(anew)).not.toContain(token);
    const report = await server.client.server.disk.query();
    expect(report.setups.count).toBeGreaterThanOrEqual(2);

    // Another repository with the same files has a set-up of its own.
    await using other = await repositoryOf("other");
    const elsewhere = await launch(server, { repository: other.path, environment: environment.id });
    expect(await server.untilFinal(elsewhere)).toMatchObject({ reason: "passed" });
    expect(outputOf(await allMessages(server.client, elsewhere))).toContain("set up with");
  });

  once("end a run with the output and the exit code when their script fails, and with the host that was refused", async () => {
    const { server } = stack;
    await using repository = await repositoryOf("failing");
    const setup = {
      script:
        "echo begun\ncurl -sS --max-time 20 https://refused.example.org/x || echo 'cannot reach refused.example.org'\nexit 3",
      allowedHosts: [{ host: "allowed.example.org", ports: [443] }],
    };
    const id = await launch(server, { repository: repository.path, environment: { name: "Failing", setup } });
    const run = await server.untilFinal(id);
    expect(run).toMatchObject({ status: "errored", reason: "setup_failed", startedAt: null });
    expect(run.sentence).toContain("The script of Failing exited with code 3. It may not reach refused.example.org");
    const messages = await allMessages(server.client, id);
    expect(outputOf(messages)).toMatch(/^begun\n[\s\S]*cannot reach refused.example.org\n$/);
    expect(ours(messages)).toContainEqual(
      expect.objectContaining({
        type: "egress_refused",
        record: expect.objectContaining({ host: "refused.example.org", rule: expect.stringContaining("not on the allow-list") }),
      }),
    );
    const model = { script: "curl -sS -X POST http://127.0.0.1:3128/v1/messages -d '{}'; false" };
    const asking = await launch(server, { repository: repository.path, environment: { name: "Asking", setup: model } });
    await server.untilFinal(asking);
    expect(outputOf(await allMessages(server.client, asking))).toContain("The model cannot be reached from here.");
    expect(await server.client.instances.list.query()).toEqual([]);
  });

  it("give secrets to the set-up and to nobody else, and keep nothing in which one is left", async () => {
    const { server, folder } = stack;
    stack.model.setScenario(
      doing(
        "(cat /proc/*/environ /proc/*/cmdline; env; grep -rsa -e s3cret ~ /setup /tmp /spool --exclude-dir=node_modules) 2>/dev/null | grep -ac 's3cret-value[-]of' ; echo hunted",
      ),
    );
    await using repository = await repositoryOf("secret");
    const { environments } = server.client;
    const { id } = await environments.create.mutate({
      name: "Secret",
      setup: { script: 'echo "the token is $TOKEN"; printf %s "$TOKEN" | wc -c > length; printf %s "$TOKEN" | base64' },
    });
    expect(await environments.setSecrets.mutate({ id, secrets: { TOKEN: SECRET } })).toMatchObject({
      secretNames: ["TOKEN"],
      missingSecrets: [],
    });
    const checks = '$ grep -q 27 length && test -z "$TOKEN" && ! (cat /proc/*/environ 2>/dev/null | grep -aq s3cret-value)';
    const run = await launch(server, { repository: repository.path, checks, environment: id });
    expect(await server.untilFinal(run)).toMatchObject({ reason: "passed" });
    const messages = await allMessages(server.client, run);
    expect(outputOf(messages)).toMatch(/^the token is \*\*\*\n\S*\*\*\*\S*\n$/);
    expect(saidOf(messages)).toMatch(/^0\\+nhunted$/);
    const told = JSON.stringify([messages, await environments.list.query(), await server.client.runs.byId.query({ id: run })]);
    expect(told).not.toContain("value-of-the-test");
    expect(server.output()).not.toContain("value-of-the-test");
    const file = folder.join("data", "environments", id, "secrets.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await waitFor(async () => !(await readdir(folder.join("data", "doors"))).some((name) => name.startsWith("inst_")), {
      what: "no sandbox",
    });
    const names = await readdir(folder.join("data"), { recursive: true, withFileTypes: true });
    for (const entry of names) {
      const path = `${entry.parentPath}/${entry.name}`;
      if (!entry.isFile() || path === file) continue;
      expect((await readFile(path)).includes("value-of-the-test"), path).toBe(false);
    }

    for (const [script, place] of [
      ['mkdir -p ~/.config; echo "auth=$TOKEN" > ~/.config/auth', "~/.config/auth"],
      ['printf "user:$TOKEN" | base64 -w0 > deps-auth', "deps-auth"],
      ['ln -s "$TOKEN" link', "link"],
    ] as const) {
      await environments.update.mutate({ id, setup: { script } });
      const leaving = await launch(server, { repository: repository.path, environment: id });
      const ended = await server.untilFinal(leaving);
      expect(ended).toMatchObject({ status: "errored", reason: "setup_failed" });
      expect(ended.sentence).toContain(`The secret TOKEN is still in ${place}.`);
    }
  });

  it("are not given to the next run by one that took no care of what it leaves", async () => {
    const { server, folder } = stack;
    stack.model.setScenario(
      doing(
        "ls -la ~ | grep -c claude.json; test -p deps/pipe || echo no pipe; ls deps; stat -c %a deps/suid; cat .git/hooks/pre-commit 2>/dev/null || echo no hook",
      ),
    );
    await using repository = await repositoryOf("careless");
    const script = [
      "mkdir deps && mkfifo deps/pipe && ln -s /etc/passwd deps/passwd && cp /bin/true deps/suid && chmod 6755 deps/suid",
      "mkdir -p ~/.claude .git/hooks && echo '{}' > ~/.claude/settings.json && echo evil > .git/hooks/pre-commit",
      "mkdir deps/closed && echo x > deps/closed/x && chmod 0555 deps/closed && mkdir ~/ro && chmod 0555 ~/ro",
      "(setsid sleep 600 > /dev/null 2>&1 &)",
    ].join("\n");
    const id = await launch(server, { repository: repository.path, environment: { name: "Careless", setup: { script } } });
    expect(await server.untilFinal(id)).toMatchObject({ reason: "passed" });
    const said = saidOf(await allMessages(server.client, id));
    expect(said).toContain("no pipe");
    expect(said).toContain("no hook");
    expect(said).toContain("755");
    expect(said).not.toContain("6755");
    const cache = folder.join("data", "environments", "cache");
    for (const key of await readdir(cache)) expect(await readdir(`${cache}/${key}/home`)).not.toContain(".claude");
    await waitFor(
      async () => (await findParts([folder.join("data")])).every(({ part }) => part === "gateway" || part === "backend"),
      { what: "no sandbox", timeoutMs: 150_000 },
    );
  });

  once("are set up once for two runs at once, and by the second one when the first is canceled", async () => {
    const { server } = stack;
    stack.model.setScenario(doing("cat deps/token"));
    await using repository = await repositoryOf("twice");
    const script = "mkdir deps; echo begun; sleep 3; date +%s%N > deps/token; echo done";
    const environment = await server.client.environments.create.mutate({ name: "Twice", setup: { script } });
    const both = [
      await launch(server, { repository: repository.path, environment: environment.id }),
      await launch(server, { repository: repository.path, environment: environment.id }),
    ];
    for (const id of both) expect(await server.untilFinal(id)).toMatchObject({ reason: "passed" });
    const [one, other] = await Promise.all(both.map((id) => allMessages(server.client, id)));
    expect(saidOf(one ?? [])).toBe(saidOf(other ?? []));
    expect([outputOf(one ?? []), outputOf(other ?? [])].join("")).toContain("done");

    await server.client.environments.rebuild.mutate({ id: environment.id });
    const first = await launch(server, { repository: repository.path, environment: environment.id });
    await waitFor(async () => outputOf(await allMessages(server.client, first)).includes("begun"), { what: "the set-up" });
    const second = await launch(server, { repository: repository.path, environment: environment.id });
    await waitFor(async () => JSON.stringify(await allMessages(server.client, second)).includes("Another run is just"), {
      what: "the second run to wait",
    });
    await server.client.runs.cancel.mutate({ id: first });
    expect(await server.untilFinal(first)).toMatchObject({ status: "canceled" });
    expect(await server.untilFinal(second)).toMatchObject({ reason: "passed" });
  });

  once("are set up anew by the server that comes after one that was killed meanwhile", async () => {
    await using own = await startStack({ driver, scenario: doing("cat deps/token") });
    await using repository = await createGitRepository({
      path: `${own.repositories}/killed`,
      files: { a: "a\n", ".gitignore": "deps/\n" },
    });
    const script = "echo begun; mkdir deps; sleep 4; echo whole > deps/token";
    const id = await launch(own.server, { repository: repository.path, environment: { name: "Killed", setup: { script } } });
    await waitFor(async () => outputOf(await allMessages(own.server.client, id)).includes("begun"), { what: "the set-up" });
    own.server.process.kill("SIGKILL");
    await own.server.stop();
    await using again = await own.restart();
    expect(await again.untilFinal(id)).toMatchObject({ reason: "passed" });
    const messages = await allMessages(again.client, id);
    expect(outputOf(messages)).toBe("begun\nbegun\n");
    expect(saidOf(messages)).toBe("whole");
    expect(await readdir(own.folder.join("data", "environments", "cache"))).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(await again.client.instances.list.query()).toEqual([]);
    await waitFor(async () => (await readdir(own.folder.join("data", "instances"))).length === 0, { what: "no folders" });
  });

  once("are set up by themselves, without an agent, for the runs that come", async () => {
    const { server, model } = stack;
    const { client } = server;
    model.setScenario(doing("cat deps/token"));
    await using repository = await repositoryOf("by-itself");
    const script = "mkdir deps && echo ready > deps/token && echo it is set up";
    const { id } = await client.environments.create.mutate({ name: "By itself", setup: { script: "exit 7" } });
    const asked = model.requests.length;
    const setUp = async (): Promise<Run> =>
      server.untilFinal((await client.environments.setUp.mutate({ id, repository: repository.path })).id);
    const failed = await setUp();
    expect(failed).toMatchObject({ status: "errored", reason: "setup_failed" });
    expect(failed.sentence).toContain("exited with code 7");
    await client.environments.update.mutate({ id, setup: { script } });
    const made = await setUp();
    expect(made).toMatchObject({ status: "succeeded", reason: "set_up", startedAt: null, usage: { costUsd: 0 } });
    expect(outputOf(await allMessages(client, made.id))).toBe("it is set up\n");
    await expect(client.talk.say.mutate({ id: made.id, text: "And now?" })).rejects.toThrow("no agent is there to be told");
    await expect(client.runs.followUp.mutate({ id: made.id, instructions: "And now?" })).rejects.toThrow("launch it again");
    const again = await setUp();
    expect(again).toMatchObject({ reason: "set_up" });
    expect(again.sentence).toContain("It was set up before");
    expect(outputOf(await allMessages(client, again.id))).toBe("");
    expect(model.requests).toHaveLength(asked);
    expect(await client.instances.list.query()).toEqual([]);

    const run = await launch(server, { repository: repository.path, environment: id });
    expect(await server.untilFinal(run)).toMatchObject({ reason: "passed" });
    const messages = await allMessages(client, run);
    expect(outputOf(messages)).toBe("");
    expect(saidOf(messages)).toBe("ready");
  });

  once("are that of the launch, or of the task, or of the repository", async () => {
    const { client } = stack.server;
    stack.model.setScenario(doing("echo $WHICH"));
    await using repository = await repositoryOf("which");
    const [a, b, c] = await Promise.all(
      ["launch", "task", "repository"].map((WHICH) => client.environments.create.mutate({ name: WHICH, variables: { WHICH } })),
    );
    if (a === undefined || b === undefined || c === undefined) throw new Error("they were made");
    await client.environments.setDefault.mutate({ repository: repository.path, environmentId: c.id });
    const task = await client.tasks.create.mutate({ name: "Which", steps: [{ instructions: "Do it.", checks: "" }] });
    const which = async (environmentId?: typeof a.id | null): Promise<string> => {
      const { id } = await client.runs.create.mutate({ taskId: task.id, repository: repository.path, environmentId });
      await stack.server.untilFinal(id);
      return saidOf(await allMessages(client, id));
    };
    expect(await which()).toBe("repository");
    await client.tasks.update.mutate({ id: task.id, environmentId: b.id });
    expect(await which()).toBe("task");
    expect(await which(a.id)).toBe("launch");
    expect(await which(null)).toContain("no output");
    await expect(client.environments.delete.mutate({ id: b.id })).rejects.toThrow('the task "Which"');
  });
});
