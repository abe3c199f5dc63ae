import type { OfShellInput, ShellEvent } from "@ccr/protocol";
import { ExecutorLostError } from "./executor-client.ts";
import { askSandbox, type LookDeps, lookInto, notReached } from "./sandbox-look.ts";
import type { OpenedSandbox } from "./sandboxes.ts";
import type { Shells } from "./types.ts";

const SANDBOX_ENDED: ShellEvent = { type: "ended", outcome: { kind: "sandbox_ended" } };

/** Whether a sandbox that does not answer has ended; an engine that cannot be asked now does not say so. */
const hasEnded = async ({ driver, handle }: OpenedSandbox): Promise<boolean> => {
  const state = await driver.inspect(handle).catch(() => null);
  return state !== null && state.status !== "running";
};

async function* follow(
  deps: LookDeps,
  { runId, shellId, after }: OfShellInput & { after: number },
  signal: AbortSignal,
): AsyncGenerator<ShellEvent> {
  const look = await lookInto(deps, runId);
  if (look.opened === null) throw look.why;
  const { opened } = look;
  try {
    let ended = false;
    for await (const event of opened.executor.followShell(shellId, after, signal)) {
      ended = event.type === "ended";
      yield event;
    }
    // Its executor was ended in the middle of a word.
    if (!ended) throw new ExecutorLostError("the shell's output was cut");
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ExecutorLostError)) throw error;
    if (!(await hasEnded(opened))) throw notReached(runId, error);
    yield SANDBOX_ENDED;
  }
}

/** Speaks with the shells of sandboxes that are on this machine, whoever drives their runs. */
export const createShells = (deps: LookDeps): Shells => ({
  list: async (runId) => (await askSandbox(deps, runId, ({ executor }, signal) => executor.listShells(signal))).shells,
  open: ({ runId, ...size }) => askSandbox(deps, runId, ({ executor }, signal) => executor.openShell(size, signal)),
  type: ({ runId, shellId, ...typed }) =>
    askSandbox(deps, runId, ({ executor }, signal) => executor.shellInput({ id: shellId, ...typed }, signal)),
  resize: ({ runId, shellId, ...size }) =>
    askSandbox(deps, runId, ({ executor }, signal) => executor.resizeShell({ id: shellId, ...size }, signal)),
  close: ({ runId, shellId }) => askSandbox(deps, runId, ({ executor }, signal) => executor.closeShell(shellId, signal)),
  follow: (input, { after }, signal) => follow(deps, { ...input, after }, signal),
});
