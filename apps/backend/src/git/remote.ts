import { type GitOutcome, runGit } from "./command.ts";
import type { Connection } from "./connection.ts";
import { isRedirected } from "./failure.ts";

// Naming a few refs is one small answer; a server that needs longer than this for it would not get a transfer done either.
const LIST_MS = 120_000;
// As many as git itself would follow at the start of a fetch is more than any honest server needs.
const REDIRECTS_MAX = 3;

/**
 * Asks a remote for some of its refs, and follows redirects on the way, each to a host that is checked first. Gives the connection that
 * answered, which is in `connections` unless it is the first one, and git's outcome, whatever it is.
 */
export const listRemote = async (
  first: Connection,
  options: { refs: readonly string[]; folder: string; timeoutMs: number; connections: AsyncDisposableStack },
  signal: AbortSignal,
): Promise<{ connection: Connection; outcome: GitOutcome }> => {
  const { refs, folder, connections } = options;
  let connection = first;
  for (let hop = 0; ; hop++) {
    const { environment, source } = connection;
    const args = ["ls-remote", "--symref", "--", source, ...refs];
    const outcome = await runGit({ args, environment, cwd: folder, timeoutMs: Math.min(LIST_MS, options.timeoutMs) }, signal);
    const next = isRedirected(outcome) && hop < REDIRECTS_MAX ? await connection.redirected(signal) : null;
    if (next === null) return { connection, outcome };
    connection = connections.use(next);
  }
};
