import type { AppRouter } from "@ccr/backend/router";
import type { inferRouterInputs } from "@trpc/server";

type Inputs = inferRouterInputs<AppRouter>;
type Path = { [Room in keyof Inputs & string]: `${Room}.${keyof Inputs[Room] & string}` }[keyof Inputs & string];

const QUERY_MS = 30_000;
const MUTATION_MS = 60_000;

/** What is waited for otherwise, or may be slow: a little longer than the server itself takes at most. */
const OTHERS: Partial<Record<Path, number>> = {
  // It tells whether the server is there.
  "server.info": 10_000,
  // Asked of a sandbox, a host of repositories, a disk.
  "runs.diff": 45_000,
  "files.list": 30_000,
  "repositories.branches": 45_000,
  "repositories.search": 45_000,
  "server.disk": 60_000,
  // What is typed is told again under its number.
  "shells.input": 20_000,
  "instances.remove": 90_000,
  // They remove much, move many, or wait for a host.
  "batches.cancel": 120_000,
  "batches.retry": 120_000,
  "batches.choose": 300_000,
  "environments.delete": 300_000,
  "environments.rebuild": 300_000,
  "environments.removeSetup": 300_000,
  "server.cleanUp": 15 * 60_000,
  "runs.push": 15 * 60_000,
};

const others: ReadonlyMap<string, number> = new Map(Object.entries(OTHERS));

/** Within how many milliseconds an answer is to be here. Pure. */
export const deadlineOf = ({ type, path }: { type: "query" | "mutation"; path: string }): number =>
  others.get(path) ?? (type === "query" ? QUERY_MS : MUTATION_MS);

/** Whether others would be answered late, or not at all, if they were asked together with this. Pure. */
export const isAskedAlone = ({ path }: { path: string }): boolean => others.has(path);
