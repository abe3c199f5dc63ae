import { CcrError, checkoutsOf, joinDiffs, type RunCheckout, type WorkspaceDiff } from "@ccr/protocol";
import { FenceLostError } from "../store/types.ts";
import type { KeptWork } from "./deps.ts";
import { ExecutorLostError } from "./executor-client.ts";
import { inDirectory, inWorkspace, noteCommits, workOf } from "./repositories.ts";
import { type OpenedSandbox, sandboxOf } from "./sandboxes.ts";
import { messageOf, type Scene } from "./scene.ts";

const COPY_EVERY_MS = 30_000;
// Reading a large workspace takes time; it may cost at most a fifth of it, as long as the minute holds.
const COST_SHARE = 4;
/** From the start of a copy to that of the next: while a run goes on, what is kept is not much older than a minute. */
const COPY_MOST_MS = 55_000;

/**
 * Keeps a restorable copy of all that the agent did so far, outside of the sandbox: commits, uncommitted and untracked files, the diff,
 * and Claude Code's conversation. What has not changed since the last copy is not copied again. Throws when it cannot be had.
 */
export const takeCopy = (scene: Scene, { executor }: OpenedSandbox, signal: AbortSignal): Promise<Copied> =>
  alone(scene, signal, async () => {
    const { run, fence, stores } = scene;
    const [first, ...others] = checkoutsOf(run);
    const copies: [Copy, ...Copy[]] = [await copyOne(scene, { executor, checkout: first }, signal)];
    for (const checkout of others) copies.push(await copyOne(scene, { executor, checkout }, signal));
    const [{ changes }, ...more] = copies;
    const diff = joinDiffs([changes.diff, ...more.map((copy) => copy.changes.diff)]);
    const heads = copies.map((copy) => copy.changes.diff.headCommit);
    await stores.runs.saveDiff(run.id, fence, diff);
    await noteCommits(scene, "headCommit", heads);
    await copyConversation(scene, { executor }, signal);
    return {
      diff,
      work: workOf(copies.map((copy) => copy.changes.snapshotCommit)),
      head: workOf(heads),
      uncommitted: copies.flatMap((copy) => copy.changes.uncommitted),
      leftOut: copies.flatMap((copy) => copy.leftOut),
    };
  });

type Copied = {
  diff: WorkspaceDiff;
  /** See `workOf`: what is kept now. */
  work: string;
  /** See `workOf`: the commits that the repositories are at. */
  head: string;
  /** See `KeptWork`. */
  uncommitted: string[];
  /** Files that are too large, too many or cannot be read: the copy has them as the last commit does. */
  leftOut: string[];
};

type Copy = { changes: NonNullable<Awaited<ReturnType<KeptWork["changes"]>>>; leftOut: string[] };

const copyOne = async (
  scene: Scene,
  { executor, checkout }: Pick<OpenedSandbox, "executor"> & { checkout: RunCheckout },
  signal: AbortSignal,
): Promise<Copy> => {
  const { work } = scene.deps;
  const { directory, repository } = checkout;
  const of = { runId: scene.run.id, directory };
  const snapshot = await executor.snapshot(inDirectory(checkout), signal);
  const kept = await work.find(of);
  if (kept?.snapshot.snapshotCommit !== snapshot.snapshotCommit || kept.snapshot.branch !== snapshot.branch) {
    await scene.hold();
    const asked = { snapshot: snapshot.snapshotCommit, ...inDirectory(checkout) };
    await work.keep({ ...of, repository }, { snapshot, bundle: executor.bundle(asked, signal) }, signal);
  }
  // Of what is kept, and not of the workspace: an agent can make its git show something else.
  const changes = await work.changes(of, signal);
  if (changes === null) throw new CcrError("not_found", "The copy of the work is gone.");
  return { changes, leftOut: (snapshot.leftOut ?? []).map(({ path }) => inWorkspace(checkout, path)) };
};

export const copyConversation = async (
  { run, deps: { work } }: Scene,
  { executor }: Pick<OpenedSandbox, "executor">,
  signal: AbortSignal,
): Promise<void> => {
  const { sessionId: session } = await executor.health(signal);
  if (session === null) return;
  const after = await work.conversationBytes(run.id, session);
  try {
    await work.keepConversation(run.id, { session, after, chunks: executor.conversation({ session, after }, signal) }, signal);
  } catch (error) {
    // Claude Code has not written anything down yet.
    if (!(error instanceof CcrError && error.code === "not_found")) throw error;
  }
};

const alone = async <Result>(scene: Scene, signal: AbortSignal, act: () => Promise<Result>): Promise<Result> => {
  const result = scene.copying.then(() => {
    signal.throwIfAborted();
    return act();
  });
  scene.copying = result.catch(() => {});
  // Whoever is to end does not wait for another's copy.
  const ended = Promise.withResolvers<never>();
  const end = (): void => ended.reject(signal.reason);
  signal.addEventListener("abort", end, { once: true });
  try {
    return await Promise.race([result, ended.promise]);
  } finally {
    signal.removeEventListener("abort", end);
  }
};

/** Takes a copy if there can be one now; the next one makes up for one that could not be had. Throws `FenceLostError` alone. */
export const keepCopy = async (scene: Scene, signal: AbortSignal): Promise<void> => {
  const { run, deps } = scene;
  const opened = sandboxOf(scene);
  try {
    await takeCopy(scene, opened, AbortSignal.any([signal, opened.cut.signal]));
  } catch (error) {
    if (error instanceof FenceLostError) throw error;
    if (signal.aborted || error instanceof ExecutorLostError) return;
    deps.log("warn", "the work of a run could not be copied", { runId: run.id, error: messageOf(error) });
  }
};

/** Takes a copy at least once a minute, until the signal aborts. */
export const keepCopies = async (scene: Scene, signal: AbortSignal): Promise<void> => {
  const { clock } = scene.deps;
  let waitMs = COPY_EVERY_MS;
  while (!signal.aborted) {
    await clock.wait(waitMs, signal);
    if (signal.aborted) return;
    const startedAt = clock.elapsedMs();
    if (!scene.isChecking) await keepCopy(scene, signal);
    const tookMs = clock.elapsedMs() - startedAt;
    waitMs = Math.max(0, Math.min(Math.max(COPY_EVERY_MS, tookMs * COST_SHARE), COPY_MOST_MS - tookMs));
  }
};
