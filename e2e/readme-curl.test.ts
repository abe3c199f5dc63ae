import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { BatchId, RunId, ShellEvent } from "@ccr/protocol";
import { parseScenario, startScriptedModel } from "@ccr/scripted-model";
import {
  createGitRepository,
  freePort,
  pinnedNode,
  projectRoot,
  startGitHttpServer,
  temporaryFolder,
  waitFor,
} from "@ccr/testkit";
import { expect, test } from "vitest";
import { turnsOf } from "./src/scripted.ts";
import { startServer } from "./src/server.ts";
import { startStack } from "./src/stack.ts";

/** The commands of a part of the README, with the name that stands before each. */
const commandsBetween = async (from: string, to: string): Promise<{ name: string; command: string }[]> => {
  const readme = await readFile(join(projectRoot, "README.md"), "utf8");
  const part = readme.slice(readme.indexOf(from), readme.indexOf(to));
  expect(part.length).toBeGreaterThan(500);
  // Text and fenced commands by turns; the paragraph right before a command begins with the name of what it calls.
  const pieces = part.split(/^```(?:sh)?\n/m);
  return pieces.flatMap((command, index) => {
    if (index % 2 === 0) return [];
    const paragraph = pieces[index - 1]?.trim().split("\n\n").at(-1);
    return [{ name: /^`([^`]+)`/.exec(paragraph ?? "")?.[1] ?? "", command }];
  });
};

/**
 * Runs commands as they stand in the README, one after the other in one shell, and gives what each printed. The first that fails,
 * an HTTP status of 400 or more included, ends it with an error.
 */
const runCommands = async (
  commands: { name: string; command: string }[],
  environment: Record<string, string>,
): Promise<Map<string, string>> => {
  const script = [
    "set -euo pipefail",
    'curl() { command curl --fail-with-body "$@"; }',
    ...commands.map(({ name, command }) => `printf "\\n=== %s\\n" "${name}"\n${command}`),
  ].join("\n");
  const options = {
    env: { PATH: process.env.PATH, ...environment },
    maxBuffer: 64 * 1024 * 1024,
    // Sooner than the test's own limit, so that a stream that does not end is told, and what was started is stopped.
    timeout: 50_000,
  };
  const { error, stdout } = await new Promise<{ error: Error | null; stdout: string }>((resolve) => {
    execFile("bash", ["-c", script], options, (error, stdout) => resolve({ error, stdout }));
  });
  if (error !== null) throw new Error(`a command failed; the last lines:\n${stdout.slice(-2000)}`);
  return new Map(
    stdout
      .split(/^=== /m)
      .slice(1)
      .map((part): [string, string] => [part.slice(0, part.indexOf("\n")), part.slice(part.indexOf("\n") + 1).trim()]),
  );
};

const without = (commands: { name: string; command: string }[], line: RegExp) =>
  commands.map(({ name, command }) => ({ name, command: command.replace(line, "") }));

const dataOf = (output: string | undefined): unknown => JSON.parse(output ?? "null").result.data;

test("every curl of the server's API in the README works as it is written, in demo mode", async () => {
  await using home = await temporaryFolder();
  const dataDir = home.join(".local", "share", "claude-code-runner");
  await using server = await startServer({ dataDir, driver: "bubblewrap", modelUrl: null });
  // The port alone differs from what is written: 4100 may be taken here.
  const commands = without(await commandsBetween("## API", "### Executor"), /^URL=.*$/m);
  // These are for runs that wait, for runs that have ended, and for checks that print much; shells are for runs that go on.
  const output = "GET /runs/:id/checks/:name.txt";
  const further = ["runs.start", "runs.retry", "runs.retryMany", "runs.cancelMany", "runs.dismiss"];
  const talk = ["talk.say", "talk.edit", "talk.withdraw", "talk.interrupt", "talk.answer", "talk.configure"];
  const later = [
    ...further,
    ...talk,
    "runs.setPriority",
    "runs.allowHost",
    "runs.followUp",
    "repositories.search",
    "server.testCredential",
    "batches.choose",
    output,
  ];
  const atOnce = commands.filter(({ name }) => !later.includes(name) && !name.startsWith("shells."));
  const printed = await runCommands(atOnce, { HOME: home.path, URL: server.url });

  expect(dataOf(printed.get("server.disk"))).toMatchObject({ lack: null, rules: { workDays: 30 } });
  expect(dataOf(printed.get("server.cleanUp"))).toMatchObject({ removed: [{ kind: "work" }, { kind: "mirrors" }], problems: [] });
  expect(printed.get("server.info")).toContain('"demo":true');
  expect(dataOf(printed.get("server.about"))).toMatchObject({ database: "sqlite", modelHost: "the built-in scripted model" });
  expect(dataOf(printed.get("server.spend"))).toMatchObject({ spans: [{ from: "2026-11-01T00:00:00.000Z" }] });
  expect(dataOf(printed.get("server.budgets"))).toMatchObject({ dayUsd: null, zone: "UTC", isUsedUp: false });
  expect(dataOf(printed.get("server.setBudgets"))).toMatchObject({ dayUsd: 200, zone: "Europe/Berlin", isUsedUp: false });
  expect(printed.get("server.credentials")).toContain('"id":"model","kind":"model"');
  expect(printed.get("tasks.create")).toMatch(/^task_\w+$/);
  expect(dataOf(printed.get("tasks.byId"))).toMatchObject({ name: "Monthly summary" });
  expect(dataOf(printed.get("tasks.update"))).toMatchObject({ name: "A summary for each month" });
  expect(dataOf(printed.get("tasks.history"))).toMatchObject([{ version: 2, changed: ["name"] }, { version: 1 }]);
  expect(dataOf(printed.get("tasks.version"))).toMatchObject({ version: 1, content: { name: "Monthly summary" } });
  expect(dataOf(printed.get("tasks.restore"))).toMatchObject({ version: 3, name: "Monthly summary" });
  expect(dataOf(printed.get("tasks.overview"))).toContainEqual(expect.objectContaining({ name: "Monthly summary", steps: 1 }));
  expect(printed.get("tasks.export")).toMatch(/^\{"format":"claude-code-runner\/tasks","version":1,/);
  expect(dataOf(printed.get("tasks.import"))).toMatchObject({
    tasks: [{ result: "skipped" }, { name: "Monthly summary (copy)", result: "created" }],
  });
  expect(printed.get("runs.create")).toMatch(/^run_\w+$/);
  const id = printed.get("runs.create");
  expect(dataOf(printed.get("runs.byId"))).toMatchObject({ id, status: "succeeded", reason: "passed" });
  expect(printed.get("runs.onMessage")).toMatch(/^id: 1$/m);
  expect(printed.get("runs.onMessage")).toContain('"status":"succeeded"');
  expect(dataOf(printed.get("runs.list"))).toEqual([expect.objectContaining({ id })]);
  expect(dataOf(printed.get("runs.messages"))).toEqual(expect.arrayContaining([expect.objectContaining({ runId: id, seq: 1 })]));
  expect(printed.get("runs.diff")).toContain("src/summary.js");
  expect(printed.get("GET /runs/:id/work.patch")).toMatch(/^\+\+\+ b\/src\/summary\.js$/m);
  expect(printed.get("GET /runs/:id/transcript.md")).toContain("## Step 1, attempt 1");
  const setUp = commands.filter(({ name }) => name === "" || name === output);
  await expect(runCommands(setUp, { HOME: home.path, URL: server.url, RUN: id ?? "" })).rejects.toThrow(
    /"not_found".*No whole output of this check is kept/,
  );
  expect(dataOf(printed.get("runs.requests"))).toEqual([]);
  expect(dataOf(printed.get("files.list"))).toMatchObject({
    from: { kind: "kept" },
    entries: expect.arrayContaining([expect.objectContaining({ name: "summary.js", kind: "file" })]),
  });
  expect(dataOf(printed.get("files.paths"))).toMatchObject({
    paths: expect.arrayContaining(["src/summary.js"]),
    truncated: false,
  });
  expect(JSON.parse(printed.get("GET /runs/:id/file") ?? "")).toMatchObject({ name: expect.any(String) });
  const after = (name: string) =>
    runCommands(
      commands.filter((each) => each.name === "" || each.name === name),
      { HOME: home.path, URL: server.url, RUN: id ?? "", INPUT: "input_0123456789", QUESTION: "q" },
    );
  await expect(after("server.testCredential")).rejects.toThrow(/has no credential for model/);
  await expect(after("repositories.search")).rejects.toThrow(/knows no git host github.com/);
  const next = RunId.parse(Object(dataOf((await after("runs.followUp")).get("runs.followUp"))).id);
  await server.client.runs.cancel.mutate({ id: next });
  expect(await server.untilFinal(next)).toMatchObject({ continues: { runId: id, because: "person" } });
  for (const [name, why] of [
    ["edit", "told this already"],
    ["withdraw", "told this already"],
    ["interrupt", "succeeded"],
    ["answer", "asked any more"],
    ["configure", "has ended"],
  ])
    await expect(after(`talk.${name}`)).rejects.toThrow(why);
  expect(dataOf(printed.get("talk.list"))).toEqual([]);
  const said = Object(dataOf((await after("talk.say")).get("talk.say")));
  expect(said).toMatchObject({ kind: "launched" });
  await server.client.runs.cancel.mutate({ id: RunId.parse(said.id) });
  await server.untilFinal(RunId.parse(said.id));
  expect(dataOf(printed.get("runs.push"))).toMatchObject({ id, delivered: { state: "delivered", isPushed: true, base: "main" } });
  expect(dataOf(printed.get("runs.cancel"))).toMatchObject({ id, status: "succeeded" });
  expect(dataOf(printed.get("runs.page"))).toMatchObject({ runs: [{ id, outcome: { name: "passed" } }], next: null });
  expect(dataOf(printed.get("runs.counts"))).toEqual({ statuses: { succeeded: 1 }, isWhole: true });
  expect(dataOf(printed.get("runs.select"))).toEqual({ runs: [], isWhole: true });
  expect(dataOf(printed.get("runs.some"))).toMatchObject([{ id }]);
  expect(dataOf(printed.get("runs.overview"))).toMatchObject({ attention: [], recent: [{ id }] });
  expect(dataOf(printed.get("repositories.recent"))).toMatchObject([{ lastUsedAt: expect.any(String) }]);
  expect(dataOf(printed.get("repositories.branches"))).toMatchObject({ defaultBranch: "main", isWhole: true });
  expect(dataOf(printed.get("instances.list"))).toEqual([]);
  expect(dataOf(printed.get("instances.usage"))).toEqual([]);
  expect(dataOf(printed.get("instances.get"))).toMatchObject({ runId: id, status: "stopped" });
  expect(dataOf(printed.get("instances.remove"))).toMatchObject({ runId: id, status: "stopped" });
  const batch = BatchId.parse(printed.get("batches.create"));
  expect(dataOf(printed.get("batches.byId"))).toMatchObject({ id: batch, state: "running", progress: { done: 0, total: 2 } });
  expect(dataOf(printed.get("batches.list"))).toMatchObject([{ id: batch, name: "Monthly summary" }]);
  expect(dataOf(printed.get("batches.runs"))).toMatchObject([{ attempt: 1 }, { attempt: 2, checks: { passed: 0, total: 1 } }]);
  expect(dataOf(printed.get("batches.pause"))).toMatchObject({ state: "paused" });
  expect(dataOf(printed.get("batches.resume"))).toMatchObject({ state: "running" });
  expect(dataOf(printed.get("batches.cancel"))).toMatchObject({ state: "canceled" });
  expect(dataOf(printed.get("batches.retry"))).toMatchObject({ launched: expect.any(Number) });
  expect(printed.has("tasks.delete")).toBe(true);
  expect(printed.get("environments.create")).toMatch(/^env_\w+$/);
  expect(dataOf(printed.get("environments.setSecrets"))).toMatchObject({ secretNames: ["PACKAGES_TOKEN"], missingSecrets: [] });
  expect(dataOf(printed.get("environments.list"))).toMatchObject([{ name: "Node and npm", variables: { CI: "1" } }]);
  expect(dataOf(printed.get("environments.facts"))).toMatchObject({ hasImages: false, defaults: [] });
  expect(dataOf(printed.get("environments.rebuild"))).toMatchObject({ generation: 1 });
  expect(dataOf(printed.get("environments.setups"))).toEqual([]);
  expect(printed.get("environments.removeSetup")).toContain("env_");
  expect(printed.get("environments.delete")).toContain("env_");

  const given = { HOME: home.path, URL: server.url, RUN: id ?? "" };
  const many = await runCommands(
    commands.filter(({ name }) => name === "" || name === "server.info" || further.includes(name)),
    given,
  );
  const started = dataOf(many.get("runs.start"));
  expect(started).toMatchObject({ id: expect.stringMatching(/^run_/), taskId: expect.stringMatching(/^task_/) });
  const again = RunId.parse(Object(dataOf(many.get("runs.retry"))).id);
  expect(dataOf(many.get("runs.retryMany"))).toEqual([{ id, newId: again, problem: null }]);
  expect(dataOf(many.get("runs.cancelMany"))).toEqual([{ id, did: "ended", status: "succeeded" }]);
  expect(dataOf(many.get("runs.dismiss"))).toEqual({ count: 0 });
  await server.client.runs.cancelMany.mutate({ ids: [RunId.parse(Object(started).id), again] });

  await server.client.batches.cancel.mutate({ id: batch });
  await waitFor(async () => (await server.client.batches.byId.query({ id: batch })).endedAt, { what: "the batch to end" });
  const choose = commands.filter(({ name }) => name === "" || name === "batches.choose");
  const chosen = await runCommands(choose, { HOME: home.path, URL: server.url, BATCH: batch });
  expect(dataOf(chosen.get("batches.choose")?.split("\n").at(-1))).toMatchObject({ closed: [expect.stringMatching(/^run_/)] });
});

test("a run that waits for room on the disk says so, is given another priority, allowed a host, and canceled, all as it is written", async () => {
  await using home = await temporaryFolder();
  const dataDir = home.join(".local", "share", "claude-code-runner");
  // No disk has as much.
  const environment = { CCR_MIN_FREE_DISK_MB: String(1024 ** 3) };
  await using server = await startServer({ dataDir, driver: "bubblewrap", modelUrl: null, environment });
  const commands = without(await commandsBetween("## API", "### Instances"), /^URL=.*$/m);
  const whileQueued = commands.filter(
    ({ name }) => name === "" || /^(server\.info|tasks\.create|runs\.(create|setPriority|allowHost|byId|cancel))$/.test(name),
  );
  const printed = await runCommands(whileQueued, { HOME: home.path, URL: server.url });
  expect(dataOf(printed.get("runs.setPriority"))).toMatchObject({ status: "queued", priority: 10 });
  const allowedHosts = [{ host: "packages.example.org", ports: [443] }];
  expect(dataOf(printed.get("runs.allowHost"))).toMatchObject({ status: "queued", allowedHosts });
  expect(dataOf(printed.get("runs.byId"))).toMatchObject({
    status: "queued",
    priority: 10,
    queue: { position: 1, queued: 1, heldBy: "disk" },
  });
  expect(dataOf(printed.get("runs.cancel"))).toMatchObject({ status: "canceled" });
  const ready = await fetch(`${server.url}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({ parts: { store: "ok", disk: expect.stringContaining("too little room") } });
});

test("a shell of a run that is going on is opened, used and closed, all as it is written", async () => {
  const command = "for i in $(seq 600); do sleep 0.1; done";
  await using stack = await startStack({
    driver: "bubblewrap",
    scenario: { name: "slow", rules: [{ turns: turnsOf(command, "Done.") }] },
  });
  await using repository = await createGitRepository({ path: join(stack.repositories, "slow"), files: { README: "Hello." } });
  const { client, url, token } = stack.server;
  const task = await client.tasks.create.mutate({ name: "Wait", steps: [{ instructions: "Wait.", checks: "" }] });
  const { id } = await client.runs.create.mutate({ taskId: task.id, repository: repository.path });
  await waitFor(async () => (await client.runs.byId.query({ id })).status === "running", { what: "the run" });
  const shells = (await commandsBetween("## API", "### Executor")).filter(({ name }) => name.startsWith("shells."));
  const printed = await runCommands(shells, { HOME: stack.folder.path, URL: url, TOKEN: token, RUN: id });
  expect(printed.get("shells.open")).toMatch(/^shell_[0-9a-f]{16}$/);
  expect(dataOf(printed.get("shells.list"))).toMatchObject([{ id: printed.get("shells.open"), outcome: null }]);
  expect(dataOf(printed.get("shells.input"))).toEqual({ typed: true });
  expect(dataOf(printed.get("shells.resize"))).toMatchObject({ id: printed.get("shells.open") });
  const events = [...(printed.get("shells.onOutput") ?? "").matchAll(/^data: (\{.*"type":.*\})$/gm)].map((match) =>
    ShellEvent.parse(JSON.parse(match[1] ?? "")),
  );
  const output = events.map((event) => (event.type === "output" ? Buffer.from(event.data, "base64").toString() : "")).join("");
  expect(output).toMatch(/^hello\r$/m);
  expect(events.at(-1)).toEqual({ type: "ended", outcome: { kind: "exited", exitCode: 0 } });
  expect(dataOf(printed.get("shells.close"))).toMatchObject({ outcome: { kind: "exited", exitCode: 0 } });
});

test("without the token every command is refused", async () => {
  await using home = await temporaryFolder();
  await using server = await startServer({ dataDir: home.join("data"), driver: "bubblewrap", modelUrl: null });
  const commands = await commandsBetween("## API", "### Executor");
  for (const { name, command } of commands.filter(({ name }) => name !== "")) {
    const call = { name, command: command.replace(/\w+=\$\((curl [\s\S]*?) \| [^|]*\)$/gm, "$1") };
    const run = runCommands([call], {
      HOME: home.path,
      URL: server.url,
      TOKEN: "wrong",
      TASK: "",
      RUN: "",
      INPUT: "",
      QUESTION: "",
      INSTANCE: "",
      BATCH: "",
      MEMBER: "",
      REPOSITORY: "",
      ENVIRONMENT: "",
      FILE: "{}",
      SHELL_ID: "",
    });
    await expect(run, name).rejects.toThrow(/unauthorized/);
  }
});

test("every curl of the executor in the README works as it is written", async () => {
  await using home = await temporaryFolder();
  await using model = await startScriptedModel({
    scenario: parseScenario({
      name: "about",
      rules: [{ turns: [{ blocks: [{ type: "text", text: "It greets the world." }] }] }],
    }),
  });
  await using repository = await createGitRepository({ bare: true, path: home.join("hello.git"), files: { README: "Hello." } });
  await using git = await startGitHttpServer({ root: home.path });
  const listen = `127.0.0.1:${await freePort()}`;
  const [setUp, variables, ...calls] = await commandsBetween("### Executor", "## Configuration");
  expect(setUp?.command).toContain("npm run executor");
  await mkdir(home.join("workspace"));
  const executor = spawn(pinnedNode, [join(projectRoot, "executor/src/main.ts")], {
    env: {
      PATH: process.env.PATH,
      HOME: home.path,
      EXECUTOR_LISTEN: listen,
      EXECUTOR_TOKEN: "choose-one",
      EXECUTOR_WORKSPACE: home.join("workspace"),
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: "any",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaints = "";
  executor.stderr.on("data", (text) => {
    complaints += text;
  });
  try {
    await waitFor(() => fetch(`http://${listen}/health`), { what: "the executor to listen" }).catch((error) => {
      throw new Error(`the executor did not come up: ${complaints}`, { cause: error });
    });
    expect(variables?.command).toContain("EXECUTOR=http://127.0.0.1:4200\nEXECUTOR_TOKEN=choose-one\n");
    const printed = await runCommands(calls, {
      HOME: home.path,
      EXECUTOR: `http://${listen}`,
      EXECUTOR_TOKEN: "choose-one",
      REPOSITORY: `${git.url}/hello.git`,
    });
    expect(JSON.parse(printed.get("GET /health") ?? "")).toMatchObject({ status: "ok", state: "idle" });
    expect(JSON.parse(printed.get("POST /init-git") ?? "")).toMatchObject({ githubUsername: "octocat", sshKey: false });
    expect(JSON.parse(printed.get("POST /git-clone") ?? "")).toMatchObject({
      commit: await repository.commitId(),
      branch: "main",
    });
    expect(printed.get("POST /execute")).toContain("It greets the world.");
    const events = (printed.get("POST /execute") ?? "").trim().split("\n");
    // Something that was spooled before has the first numbers.
    const later = events.filter((line) => JSON.parse(line).seq > 2);
    expect((printed.get("GET /execute") ?? "").trim().split("\n")).toEqual(later);
    expect(events.length).toBeGreaterThan(3);
    expect(JSON.parse(printed.get("POST /interrupt") ?? "")).toEqual({ interrupted: false });
    expect(JSON.parse(printed.get("POST /answer") ?? "")).toEqual({ answered: false });
    expect(JSON.parse(printed.get("POST /configure") ?? "")).toEqual({ configured: true });
    expect(JSON.parse(printed.get("GET /draft") ?? "")).toEqual({ type: "reset", blocks: [] });
    expect(JSON.parse(printed.get("POST /check") ?? "")).toMatchObject({ passed: true });
    expect(printed.get("GET /check-output")).toBe("100000");
    expect(JSON.parse(printed.get("GET /diff") ?? "")).toMatchObject({ files: [] });
    expect(printed.get("POST /snapshot")).toMatch(/^[0-9a-f]{40}$/);
    expect(await readFile(home.join("work.bundle"), "utf8")).toMatch(/^# v\d git bundle/);
    expect(printed.get("GET /conversation")).toContain("It greets the world.");
    expect(JSON.parse(printed.get("POST /ack") ?? "")).toEqual({ ackedSeq: 1 });
    expect(printed.get("GET /files")).toMatch(/^\{"entries":\[\{"name":"README".*\}Hello\.$/);
    expect(JSON.parse(printed.get("GET /paths") ?? "")).toEqual({ paths: ["README"], truncated: false });
    expect(JSON.parse(printed.get("POST /shells") ?? "")).toMatchObject({ shells: [{ cols: 80, rows: 24, outcome: null }] });
    expect(printed.get("POST /shell-input")).toContain('{"typed":true}');
    const said = (printed.get("GET /shell") ?? "").split("\n").map((line) => ShellEvent.parse(JSON.parse(line)));
    const text = said.map((event) => (event.type === "output" ? Buffer.from(event.data, "base64").toString() : "")).join("");
    expect(text).toContain("40 120");
    expect(said.at(-1)).toEqual({ type: "ended", outcome: { kind: "exited", exitCode: 0 } });
    expect(JSON.parse(printed.get("DELETE /shell") ?? "")).toMatchObject({ outcome: { kind: "exited" } });
  } finally {
    executor.kill("SIGTERM");
    await once(executor, "exit");
  }
});
