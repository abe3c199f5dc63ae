import { isFinal, type Message, type Run } from "@ccr/protocol";
import { parseScenario, startScriptedModel } from "@ccr/scripted-model";
import {
  createGitRepository,
  type PostgresServer,
  startPostgres,
  type TemporaryFolder,
  temporaryFolder,
  waitFor,
} from "@ccr/testkit";
import { expect } from "vitest";
import { allMessages, type Server, startServer } from "./server.ts";

// Few and slow: what costs processor time is a call of a tool, not that a run takes long.
const TICKS = 20;
const ticking = parseScenario({
  name: "ticks",
  rules: [
    {
      turns: [
        {
          blocks: [
            { type: "tool_use", name: "Bash", input: { command: "echo tick >> ticks.txt; sleep 0.4", description: "Work" } },
          ],
          repeat: TICKS,
        },
        { blocks: [{ type: "text", text: "Done." }] },
      ],
    },
  ],
});
const steps = [{ instructions: "Tick.", checks: `$ test $(wc -l < ticks.txt) = ${TICKS}` }];

export interface World extends AsyncDisposable {
  postgres: PostgresServer;
  repository: { path: string };
  folder: TemporaryFolder;
  /** Starts the server of a data folder, on this machine or on one that is called otherwise. */
  serve(name: string, environment?: Record<string, string>, machine?: string): Promise<Server>;
}

/** A PostgreSQL, a model and a repository, for any number of servers, each with a data folder of its own. */
export const openWorld = async (): Promise<World> => {
  const parts = new AsyncDisposableStack();
  try {
    const postgres = parts.use(await startPostgres());
    const folder = parts.use(await temporaryFolder());
    const model = parts.use(await startScriptedModel({ scenario: ticking }));
    const repository = parts.use(await createGitRepository({ files: { a: "a\n" } }));
    const database = parts.use(await postgres.createDatabase());
    const serve: World["serve"] = (name, environment = {}, machine) =>
      startServer({
        dataDir: folder.join(name),
        driver: "bubblewrap",
        modelUrl: model.url,
        localRepositories: [repository.path],
        environment: { DATABASE_URL: database.url, ...environment },
        ...(machine === undefined ? {} : { machine }),
      });
    return { postgres, repository, folder, serve, [Symbol.asyncDispose]: () => parts.disposeAsync() };
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
};

export const launch = async ({ client }: Server, repository: string): Promise<Run["id"]> => {
  const task = await client.tasks.create.mutate({ name: "Tick", steps });
  return (await client.runs.create.mutate({ taskId: task.id, repository })).id;
};

export const atWork = ({ client }: Server, id: Run["id"], messages = 15): Promise<Run> =>
  waitFor(
    async () => {
      const run = await client.runs.byId.query({ id });
      return run.lastSeq > messages && run;
    },
    { what: "a run at work" },
  );

/** Whatever happened on the way: each message once, each thing said once, one end. */
export const expectWhole = async (server: Server, id: Run["id"]): Promise<Message[]> => {
  const messages = await allMessages(server.client, id);
  expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => index + 1));
  const ours = messages.flatMap(({ source, body }) => (source === "runner" ? [body] : []));
  for (const kind of ["step_started", "execution_ended", "check_finished", "step_finished"])
    expect(
      ours.filter(({ type }) => type === kind),
      kind,
    ).toHaveLength(1);
  expect(ours.filter((body) => body.type === "status" && isFinal(body.status))).toHaveLength(1);
  return messages;
};
