import { CcrError, isFinal, type Run, type RunId } from "@ccr/protocol";
import { within } from "./clock.ts";
import type { RunDeps } from "./deps.ts";
import { ExecutorLostError } from "./executor-client.ts";
import { attachSandbox, isHere, type OpenedSandbox } from "./sandboxes.ts";

const ANSWER_WITHIN_MS = 15_000;

/** What looking into sandboxes needs. */
export type LookDeps = Pick<RunDeps, "server" | "machine" | "clock" | "connect" | "drivers"> & {
  store: { runs: Pick<RunDeps["store"]["runs"], "find">; instances: Pick<RunDeps["store"]["instances"], "findRecord"> };
};

/** A run, and its sandbox as one who only looks sees it; or why there is none to look into, as an error. */
export type Look = { run: Run; opened: OpenedSandbox } | { run: Run; opened: null; why: CcrError };

const none = (run: Run, why: string): Look => ({ run, opened: null, why: new CcrError("conflict", why) });

/**
 * The sandbox of a run, whoever drives it: that one has the greater fencing number, and is not hindered. Whether it is there shows when it is asked.
 * Throws `CcrError` with `not_found` for a run that is not there.
 */
export const lookInto = async (deps: LookDeps, id: RunId): Promise<Look> => {
  const run = await deps.store.runs.find(id);
  if (run === null) throw new CcrError("not_found", `There is no run ${id}; runs.list shows those there are.`);
  if (isFinal(run.status)) return none(run, `Run ${id} has ended, and its sandbox with it: what it made is under its changes.`);
  const record = run.instanceId === null ? null : await deps.store.instances.findRecord(run.instanceId);
  if (record === null || record.status === "stopped")
    return none(run, `Run ${id} is ${run.status} and has no sandbox now; ask again when it is running.`);
  if (!isHere(deps, record)) {
    const where = record.place.machine === "" ? "" : ` on ${record.place.machine}`;
    return none(run, `The sandbox of run ${id} is with another server, ${record.server}${where}: ask that one.`);
  }
  const opened = attachSandbox(deps, record, null);
  return opened === null ? none(run, `The sandbox of run ${id} is being made; ask again in a moment.`) : { run, opened };
};

/** Asks a sandbox something that takes a moment. Throws `CcrError`, with `unavailable` for a sandbox that does not answer. */
export const askSandbox = async <Result>(
  deps: LookDeps,
  id: RunId,
  ask: (opened: OpenedSandbox, signal: AbortSignal) => Promise<Result>,
): Promise<Result> => {
  const look = await lookInto(deps, id);
  if (look.opened === null) throw look.why;
  const { opened } = look;
  const late = () => new ExecutorLostError("it did not answer in time");
  return within(deps.clock, { ms: ANSWER_WITHIN_MS, late }, (signal) => ask(opened, signal)).catch((error: unknown) => {
    throw error instanceof ExecutorLostError ? notReached(id, error) : error;
  });
};

export const notReached = (id: RunId, cause: unknown): CcrError =>
  new CcrError("unavailable", `The sandbox of run ${id} cannot be reached now; ask again in a moment.`, { cause });
