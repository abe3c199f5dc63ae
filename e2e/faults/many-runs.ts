import { join } from "node:path";
import { parseScenario, startScriptedModel } from "@ccr/scripted-model";
import { createGitRepository, type PostgresServer, temporaryFolder } from "@ccr/testkit";
import type { DriverName } from "../src/drivers.ts";
import { startServer } from "../src/server.ts";
import { diskMb, processFigures, quantile } from "./figures.ts";
import { findParts } from "./processes.ts";

/** The figures of the server after so many runs. */
export type RunsSample = {
  runs: number;
  seconds: number;
  medianRunMs: number;
  backendMb: number;
  openFiles: number;
  databaseFiles: number;
  /** null on SQLite, where they are files. */
  databaseConnections: number | null;
  children: number;
  gatewayMb: number;
  diskMb: number;
  diskOfDatabaseMb: number;
};

const quick = parseScenario({
  name: "soak",
  rules: [
    {
      turns: [
        { blocks: [{ type: "tool_use", name: "Bash", input: { command: "date > when.txt", description: "Work" } }] },
        { blocks: [{ type: "text", text: "Done." }] },
      ],
    },
  ],
});

/** Short runs one after the other, `atOnce` at a time; gives a sample at the start and after every `every` of them. Throws when one does not succeed. */
export const soakRuns = async (options: {
  driver: DriverName;
  runs: number;
  atOnce: number;
  every: number;
  postgres: PostgresServer | null;
  /** Ends it before its time: rejects with its reason when the runs that go on have ended. */
  signal: AbortSignal;
  sampled: (sample: RunsSample) => void;
}): Promise<RunsSample[]> => {
  const { driver, runs, atOnce, every, postgres, signal, sampled } = options;
  await using folder = await temporaryFolder();
  await using model = await startScriptedModel({ scenario: quick, recordLimit: 1 });
  await using repository = await createGitRepository({ path: folder.join("repositories", "soak"), thousandFiles: true });
  await using parts = new AsyncDisposableStack();
  const database = postgres === null ? null : parts.use(await postgres.createDatabase());
  const dataDir = folder.join("data");
  await using server = await startServer({
    dataDir,
    driver,
    modelUrl: model.url,
    localRepositories: [folder.join("repositories")],
    environment: { CCR_MAX_CONCURRENT_RUNS: String(atOnce), ...(database === null ? {} : { DATABASE_URL: database.url }) },
  });
  const { client } = server;
  const task = await client.tasks.create.mutate({ name: "Soak", steps: [{ instructions: "Go.", checks: "$ test -f when.txt" }] });
  const samples: RunsSample[] = [];
  const startedAt = performance.now();
  let took: number[] = [];
  const connections = async (): Promise<number | null> => {
    if (postgres === null || database === null) return null;
    const name = new URL(database.url).pathname.slice(1);
    return Number(
      (
        await postgres.query(
          name,
          "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
        )
      ).trim(),
    );
  };
  const sample = async (done: number): Promise<void> => {
    const backend = await processFigures(server.process.pid ?? 0);
    const gateway = await processFigures((await findParts([dataDir])).find(({ part }) => part === "gateway")?.pid ?? 0);
    const taken: RunsSample = {
      runs: done,
      seconds: Math.round((performance.now() - startedAt) / 1000),
      medianRunMs: Math.round(quantile(took, 0.5)),
      backendMb: backend.residentMb,
      openFiles: backend.openFiles,
      databaseFiles: backend.databaseFiles,
      databaseConnections: await connections(),
      children: backend.children,
      gatewayMb: gateway.residentMb,
      diskMb: await diskMb(dataDir),
      diskOfDatabaseMb: postgres === null ? await diskMb(join(dataDir, "runner.db")) : 0,
    };
    took = [];
    samples.push(taken);
    sampled(taken);
  };
  await sample(0);
  // All at once are waited for before each sample: what still goes on would be counted as kept.
  for (let done = 0; done < runs; ) {
    const until = Math.min(runs, done + every);
    const work = async (): Promise<void> => {
      while (done < until) {
        signal.throwIfAborted();
        done++;
        const createdAt = performance.now();
        const { id } = await client.runs.create.mutate({ taskId: task.id, repository: repository.path });
        const run = await server.untilFinal(id);
        if (run.status !== "succeeded") throw new Error(`run ${id} ended as ${run.status}: ${run.sentence}`);
        took.push(performance.now() - createdAt);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    await sample(done);
  }
  return samples;
};
