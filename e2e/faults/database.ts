import { startPostgres } from "@ccr/testkit";

/** Where a trial's servers keep what they know. */
export type DatabaseName = "sqlite" | "postgres";

/** A PostgreSQL of a trial's own, which may be killed. */
export interface TrialDatabase extends AsyncDisposable {
  /** With the password. */
  readonly url: string;
  /** Whether no server can use it now. */
  isAway(): boolean;
  /** The number of its first process, or null while it does not run. */
  pid(): number | null;
  /** Ends it, as an administrator does or as a crash does. Resolves when all its processes are gone. */
  stop(how: "fast" | "immediate" | "kill"): Promise<void>;
  /** Starts it again; resolves when it takes connections. */
  start(): Promise<void>;
  /** Writes all that it holds into a file, as SQL. */
  dump(path: string): Promise<void>;
}

/** Starts a PostgreSQL with an empty database. Disposing removes it. */
export const startTrialDatabase = async (): Promise<TrialDatabase> => {
  await using parts = new AsyncDisposableStack();
  // Processes are killed, never the machine: what was written is there without being synced.
  const server = parts.use(await startPostgres({ fsync: false }));
  const database = parts.use(await server.createDatabase());
  let isAway = false;
  const rest = parts.move();
  return {
    url: database.url,
    isAway: () => isAway,
    pid: () => server.pid(),
    stop: (how) => {
      isAway = true;
      return how === "kill" ? server.kill() : server.stop(how);
    },
    start: async () => {
      await server.start();
      isAway = false;
    },
    dump: (path) => database.dump(path),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
};
