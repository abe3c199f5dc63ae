import { RunId } from "@ccr/protocol";
import { sql, type Transaction } from "kysely";
import type { Client } from "pg";
import type { Changed } from "./engine.ts";
import { closeClient, createClient, type PostgresAddress, type PostgresLimits } from "./postgres-connections.ts";
import { explainPostgresError } from "./postgres-errors.ts";
import type { Database } from "./schema.ts";

const CHANNEL = "ccr_runs";
// PostgreSQL takes less than 8000 bytes; a run's id has 30.
const RUNS_NAMED = 200;

/** One notification for all that a transaction changed: they are passed on by one process for all, which a notification for each would fill. */
export const notify = async (trx: Transaction<Database>, origin: string, runIds: readonly RunId[]): Promise<void> => {
  const payload = runIds.length > RUNS_NAMED ? origin : [origin, ...runIds].join(" ");
  await sql`select pg_notify(${CHANNEL}, ${payload})`.execute(trx);
};

/** Which runs others changed since the last look; null: perhaps any. */
class News {
  #runs: Set<RunId> | null = new Set();
  #tell = (): void => {};

  all(): void {
    this.#runs = null;
    this.#tell();
  }

  add(payload: string, origin: string): void {
    const [from, ...names] = payload.split(" ");
    if (from === origin) return; // what this server stores it tells its followers itself
    const runIds = names.flatMap((name) => RunId.safeParse(name).data ?? []);
    if (runIds.length === 0) this.#runs = null;
    for (const runId of runIds) this.#runs?.add(runId);
    this.#tell();
  }

  take(): ReadonlySet<RunId> | null {
    const taken = this.#runs;
    this.#runs = new Set();
    return taken;
  }

  /** Resolves when there is something new, the time is up, or the signal comes. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#runs === null || this.#runs.size > 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener("abort", end, { once: true });
      this.#tell = end;
    });
  }
}

export type Listening = {
  address: PostgresAddress;
  limits: PostgresLimits;
  /** Marks the notifications of this server. */
  origin: string;
  /** Called when this server lost a connection: what it was storing may be stored, with nobody told. */
  losses: Set<() => void>;
};

const listen = async (client: Client, signal: AbortSignal): Promise<void> => {
  const giveUp = () => client.connection.stream.destroy();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    await client.connect();
    await client.query(`listen ${CHANNEL}`);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
};

/** See `Engine.watch`. */
export const watchNotifications = async (parts: Listening, changed: Changed, signal: AbortSignal): Promise<void> => {
  if (signal.aborted) return;
  const { address, limits, origin, losses } = parts;
  const news = new News();
  const lost = () => news.all();
  const client = createClient(address, limits);
  let failure: Error | null = null;
  client.on("error", (error) => {
    failure = error;
    news.all();
  });
  client.on("notification", ({ payload = "" }) => news.add(payload, origin));
  losses.add(lost);
  try {
    await listen(client, signal);
    news.all(); // what was told before nobody has heard
    while (!signal.aborted) {
      await news.wait(limits.silenceMs, signal);
      if (failure !== null) throw failure;
      const runIds = news.take();
      if (runIds === null || runIds.size > 0) await changed(runIds);
      else if (!signal.aborted) await client.query("select 1"); // nothing happens, or nothing gets here
    }
  } catch (error) {
    if (!signal.aborted) throw explainPostgresError(error, address.name);
  } finally {
    losses.delete(lost);
    await closeClient(client);
  }
};
