import { CcrError, type ErrorCode, type FoundRepository, parseRepository, type SearchRepositoriesInput } from "@ccr/protocol";
import { ForgeError, type ForgeProblem } from "./failure.ts";
import type { Forge, Forges, Proposal, ProposalOutcome, RepositoryPath, Review } from "./types.ts";

const CODES = {
  unauthorized: "forbidden",
  forbidden: "forbidden",
  not_found: "not_found",
  refused: "unprocessable",
  rate_limited: "too_many_requests",
  unreachable: "unavailable",
} as const satisfies Record<ForgeProblem, ErrorCode>;

/** Logs of so many failed checks are read; more say no more. */
const LOGS_MAX = 10;

/** Worth another try as it is: what the host did not answer, or would not yet. */
const isPassing = ({ kind, status }: ForgeError): boolean =>
  kind === "unreachable" || kind === "rate_limited" || (status !== null && status >= 500);

/** What is asked of git hosts about a repository, by its address, whichever host it is on. */
export const createHosts = (forges: Forges) => {
  const find = (address: string): { forge: Forge; repository: RepositoryPath } | null => {
    const parsed = parseRepository(address);
    return parsed.ok ? forges.find(parsed.address) : null;
  };
  return {
    /** Opens a request for a branch, or brings the one that is open up to date. Idempotent. Throws the signal's reason alone. */
    propose: async (run: { repository: string }, wanted: Proposal, signal: AbortSignal): Promise<ProposalOutcome> => {
      const found = find(run.repository);
      if (found === null)
        return { kind: "none", why: "Its host is none that this server knows pull requests of: the branch is all there is." };
      const { forge, repository } = found;
      const { title, body, headBranch } = wanted;
      try {
        const open = await forge.pullRequests.findOpen({ repository, headBranch }, signal);
        if (open !== null) {
          const { number, url } = await forge.pullRequests.update({ repository, number: open.number, title, body }, signal);
          return { kind: "open", number, url, notes: [] };
        }
        const { pullRequest, notes } = await forge.pullRequests.open({ repository, ...wanted }, signal);
        return { kind: "open", number: pullRequest.number, url: pullRequest.url, notes };
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ForgeError)) throw error;
        return { kind: "failed", again: isPassing(error), message: error.message };
      }
    },

    /** Closes a request without merging it; one that is not open stays as it is. Throws `ForgeError`. */
    close: async (run: { repository: string }, number: number, signal: AbortSignal): Promise<void> => {
      const found = find(run.repository);
      await found?.forge.pullRequests.close({ repository: found.repository, number }, signal);
    },

    /** What a host says of a request and of a commit; null: it is not known. Throws `ForgeError`. */
    look: async (
      run: { repository: string },
      { number, commit }: { number: number; commit: string },
      signal: AbortSignal,
    ): Promise<Review | null> => {
      const found = find(run.repository);
      if (found === null) return null;
      const { forge, repository } = found;
      const { state } = await forge.pullRequests.get({ repository, number }, signal);
      if (state !== "open") return { state, checks: [], comments: [] };
      const results = await forge.feedback.ciChecks({ repository, commit }, signal);
      let logs = 0;
      const checks: Review["checks"] = [];
      for (const check of results) {
        // A log that cannot be had says nothing; that the check failed does.
        const log = check.state === "failed" && logs++ < LOGS_MAX ? await check.log(signal).catch(() => null) : null;
        checks.push({ name: check.name, state: check.state, url: check.url, log });
      }
      signal.throwIfAborted();
      const comments = (await forge.feedback.comments({ repository, number }, signal)).filter(({ isBot }) => !isBot);
      return { state, checks, comments };
    },

    /** The repositories of an owner, by name. Throws `CcrError` when the host is not known, or does not give them. */
    search: async ({ host, owner, query, limit }: SearchRepositoriesInput, signal: AbortSignal): Promise<FoundRepository[]> => {
      const known = find(`https://${host}/${owner}/x`) ?? find(`http://${host}/${owner}/x`);
      if (known === null)
        throw new CcrError(
          "not_found",
          `host: this server knows no git host ${host}. Give it a token for it: GITHUB_TOKEN, GITLAB_TOKEN, BITBUCKET_TOKEN, or CCR_GIT_HOSTS.`,
        );
      try {
        const found = await known.forge.repositories.list({ owner, query: query ?? null, limit }, signal);
        return found.map(({ cloneUrl, repository, ...rest }) => ({
          repository: host === "github.com" ? repository : cloneUrl,
          defaultBranch: rest.defaultBranch,
          isArchived: rest.isArchived,
        }));
      } catch (error) {
        signal.throwIfAborted();
        throw error instanceof ForgeError ? new CcrError(CODES[error.kind], error.message, { cause: error }) : error;
      }
    },
  };
};
