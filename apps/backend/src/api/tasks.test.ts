import { CcrError, CreateEnvironmentInput, TaskFile } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { openSqlitePlace } from "../store/suite/sqlite-place.ts";
import { noContext } from "./testing/no-context.ts";
import { serveHttp } from "./testing/serve.ts";

/** The API over a real store. */
const serve = async () => {
  await using parts = new AsyncDisposableStack();
  const { store } = parts.use(await openSqlitePlace());
  const { tasks, environments } = store;
  const server = parts.use(
    await serveHttp({
      context: {
        tasks,
        environments: {
          ...noContext.environments,
          list: async () => (await environments.list()).map((each) => ({ ...each, missingSecrets: [] })),
          get: async (id) => {
            const found = await environments.find(id);
            if (found === null) throw new CcrError("not_found", `There is no environment ${id}.`);
            return { ...found, missingSecrets: [] };
          },
        },
      },
    }),
  );
  const made = async (input: object) => JSON.parse((await server.mutate("tasks.create", input)).body).result.data;
  const rest = parts.move();
  return { ...server, store, made, [Symbol.asyncDispose]: () => rest.disposeAsync() };
};

const dataOf = ({ body }: { body: string }) => JSON.parse(body).result.data;
const messageOf = ({ body }: { body: string }): unknown => JSON.parse(body).error.message;

const steps = [{ instructions: "Bump to {{version}}.", checks: "$ npm ls {{version}}" }];
const parameters = [{ type: "text", name: "version" }];
const bump = {
  name: "Bump",
  steps,
  parameters,
  defaults: { repository: "ada/engine", limits: { turns: 7 }, network: "packages" },
};

describe("tasks.create and tasks.update", () => {
  it("keep parameters and defaults, and nothing that was not said", async () => {
    await using server = await serve();
    expect(await server.made(bump)).toMatchObject({
      version: 1,
      parameters: [{ type: "text", name: "version", label: "", required: true, default: null }],
      defaults: { repository: "ada/engine", ref: null, model: null, limits: { turns: 7 }, network: "packages" },
    });
    expect(await server.made({ name: "T", steps: [{ instructions: "x" }] })).toMatchObject({
      parameters: [],
      defaults: { repository: null, limits: {} },
    });
  });

  it.each([
    [{ defaults: { repository: "https://me:secret@example.org/a/b" } }, "defaults.repository: the URL holds a credential"],
    [{ defaults: { limits: { turn: 1 } } }, 'defaults.limits: Unrecognized key: "turn"'],
    [{ defaults: { network: "all" } }, "defaults.network: "],
    [{ defaults: { limits: { turns: 0 } } }, "defaults.limits.turns: must be between 1 and 10,000 turns"],
    [{ parameters: [...parameters, ...parameters] }, "parameters[1].name: there is another parameter 'version'"],
    [
      { steps: [{ instructions: "x", checks: '$ test "$(cat {{version}})"' }] },
      "steps[0].checks: {{version}} stands behind '$(' in a command",
    ],
  ])("refuse %j by its field", async (change, message) => {
    await using server = await serve();
    const created = await server.mutate("tasks.create", { ...bump, ...change });
    expect([created.status, messageOf(created)]).toEqual([400, expect.stringContaining(message)]);
    const { id } = await server.made(bump);
    const updated = await server.mutate("tasks.update", { id, ...bump, ...change });
    expect([updated.status, messageOf(updated)]).toEqual([400, expect.stringContaining(message)]);
  });

  it("look at places in steps that stay when only the parameters change, and the other way round", async () => {
    await using server = await serve();
    const { id } = await server.made({ name: "T", steps: [{ instructions: "x", checks: "$ echo `cat {{v}}`" }] });
    const declared = await server.mutate("tasks.update", { id, parameters: [{ type: "text", name: "v" }] });
    expect([declared.status, messageOf(declared)]).toEqual([400, expect.stringContaining("steps[0].checks: {{v}}")]);
    const other = await server.made(bump);
    const written = await server.mutate("tasks.update", {
      id: other.id,
      steps: [{ instructions: "x", checks: "$ (({{version}}))" }],
    });
    expect(written.status).toBe(400);
    expect((await server.mutate("tasks.update", { id: other.id, parameters: [] })).status).toBe(200);
  });

  it("refuse a change that began from another version with 409", async () => {
    await using server = await serve();
    const { id } = await server.made(bump);
    expect(dataOf(await server.mutate("tasks.update", { id, name: "Mine", expectedVersion: 1 }))).toMatchObject({ version: 2 });
    const late = await server.mutate("tasks.update", { id, name: "Lost?", expectedVersion: 1 });
    expect([late.status, messageOf(late)]).toEqual([409, expect.stringContaining("at version 2")]);
    expect(dataOf(await server.query("tasks.byId", { id }))).toMatchObject({ name: "Mine" });
  });
});

describe("the history of a task", () => {
  it("tells what each version changed, gives each, and restores one as another version", async () => {
    await using server = await serve();
    const environment = await server.store.environments.create(CreateEnvironmentInput.parse({ name: "Node" }));
    const { id } = await server.made({ ...bump, environmentId: environment.id });
    await server.mutate("tasks.update", { id, name: "Other", environmentId: null });
    await server.mutate("tasks.update", { id, parameters: [], steps: [{ instructions: "x" }] });
    expect(dataOf(await server.query("tasks.history", { id }))).toMatchObject([
      { version: 3, changed: ["steps", "parameters"] },
      { version: 2, changed: ["name", "environmentId"] },
      { version: 1, changed: null },
    ]);
    expect(dataOf(await server.query("tasks.version", { id, version: 1 }))).toMatchObject({
      version: 1,
      content: { name: "Bump" },
    });
    expect(dataOf(await server.mutate("tasks.restore", { id, version: 1 }))).toMatchObject({
      ...{ version: 4, name: "Bump", steps, environmentId: environment.id },
    });
    await server.mutate("tasks.restore", { id, version: 3 });
    await server.store.environments.delete(environment.id);
    expect(dataOf(await server.mutate("tasks.restore", { id, version: 4 }))).toMatchObject({ name: "Bump", environmentId: null });
    const late = await server.mutate("tasks.restore", { id, version: 2, expectedVersion: 4 });
    expect(late.status).toBe(409);
    const gone = await server.query("tasks.version", { id, version: 99 });
    expect([gone.status, messageOf(gone)]).toEqual([404, expect.stringContaining("Version 99")]);
    expect((await server.query("tasks.history", { id: "task_0000000000" })).status).toBe(404);
  });
});

describe("tasks.export and tasks.import", () => {
  it("bring a task to another server, its environment by its name, and nothing else of this one", async () => {
    await using from = await serve();
    await using to = await serve();
    const environment = await from.store.environments.create(CreateEnvironmentInput.parse({ name: "Node" }));
    await from.made({ ...bump, environmentId: environment.id, delivery: { to: "branch" } });
    await from.made({ name: "Other", steps: [{ instructions: "x" }] });
    const file = dataOf(await from.query("tasks.export"));
    expect(TaskFile.parse(file)).toEqual(file);
    expect(JSON.stringify(file)).not.toMatch(/"id"|task_|env_|createdAt/);
    const without = dataOf(await to.mutate("tasks.import", { file }));
    expect(without.tasks).toMatchObject([
      { name: "Bump", result: "created", note: expect.stringContaining("'Node' is not on this server") },
      { name: "Other", result: "created", note: null },
    ]);
    const same = await to.store.environments.create(CreateEnvironmentInput.parse({ name: "Node" }));
    const again = dataOf(await to.mutate("tasks.import", { file, choices: { Other: "skip", Bump: "replace" } }));
    const [{ id }] = without.tasks;
    expect(again.tasks).toMatchObject([{ id, result: "replaced", note: null }, { result: "skipped" }]);
    expect(dataOf(await to.query("tasks.byId", { id }))).toMatchObject({ version: 2, environmentId: same.id });
    expect(dataOf(await to.query("tasks.export"))).toEqual(file);
  });

  it("make copies of what is there unless they are told otherwise, and refuse what is not clear, with nothing done", async () => {
    await using server = await serve();
    await server.made({ ...bump, name: "A" });
    const file = dataOf(await server.query("tasks.export"));
    const both = { ...file, tasks: [...file.tasks, ...file.tasks] };
    expect(dataOf(await server.mutate("tasks.import", { file: both })).tasks).toMatchObject([
      { name: "A (copy)", result: "created" },
      { name: "A (copy 2)", result: "created" },
    ]);
    const twice = await server.mutate("tasks.import", { file: both, existing: "replace" });
    expect([twice.status, messageOf(twice)]).toEqual([
      400,
      expect.stringContaining("file.tasks[1].name: another task of the file"),
    ]);
    await server.made({ ...bump, name: "A" });
    const unclear = await server.mutate("tasks.import", { file, existing: "replace" });
    expect([unclear.status, messageOf(unclear)]).toEqual([400, expect.stringContaining("2 tasks are called 'A'")]);
    expect(dataOf(await server.query("tasks.list"))).toHaveLength(4);
    expect(dataOf(await server.query("tasks.overview")).map(({ version }: { version: number }) => version)).toEqual([1, 1, 1, 1]);
  });

  it("name what is wrong with a file, and tasks that are not there", async () => {
    await using server = await serve();
    const file = { format: "claude-code-runner/tasks", version: 2, tasks: [{ name: "x", steps: [] }] };
    const bad = await server.mutate("tasks.import", { file });
    expect(bad.status).toBe(400);
    expect(messageOf(bad)).toContain("file.version: must be 1");
    expect(messageOf(bad)).toContain("file.tasks[0].steps: a task needs at least one step");
    expect((await server.query("tasks.export", { ids: ["task_0000000000"] })).status).toBe(404);
  });
});
