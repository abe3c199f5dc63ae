import { z } from "zod";
import { ForgeError, unwrapped } from "../failure.ts";
import type { CiCheck, Feedback } from "../types.ts";
import { type BitbucketClient, withQuery } from "./client.ts";

const Status = z.object({
  key: z.string().nullish(),
  name: z.string().nullish(),
  state: z.string(),
  url: z.string().nullish(),
  description: z.string().nullish(),
});
const Pipeline = z.object({ uuid: z.string(), build_number: z.number().int() });
const Step = z.object({
  uuid: z.string(),
  state: z.object({ result: z.object({ name: z.string() }).nullish() }).nullish(),
});

const stateOf = (state: string): CiCheck["state"] =>
  state === "SUCCESSFUL" ? "passed" : state === "INPROGRESS" ? "pending" : "failed";

/** Results of continuous integration on Bitbucket Cloud: commit statuses, with the logs of Bitbucket's own pipelines. */
export const createBitbucketChecks = (client: BitbucketClient): Feedback["ciChecks"] => {
  /** The log of the step that failed; null where there is none. */
  const readLog = async (
    of: { repository: string; commit: string; build: number },
    signal: AbortSignal,
  ): Promise<string | null> => {
    const path = client.at(of.repository);
    const pipelines = await client.readPages(
      client
        .bind(signal)
        .GET("/repositories/{workspace}/{repo_slug}/pipelines", { params: { path, query: { "target.commit.hash": of.commit } } }),
      Pipeline,
      signal,
    );
    const pipeline = pipelines.find(({ build_number }) => build_number === of.build);
    if (pipeline === undefined) return null;
    const route = "/repositories/{workspace}/{repo_slug}/pipelines/{pipeline_uuid}/steps";
    const params = { path: { ...path, pipeline_uuid: pipeline.uuid } };
    const steps = await client.readPages(client.bind(signal).GET(route, { params }), Step, signal);
    const failed = steps.findLast(({ state }) => ["FAILED", "ERROR"].includes(state?.result?.name ?? ""));
    if (failed === undefined) return null;
    const parts = ["repositories", path.workspace, path.repo_slug, "pipelines", pipeline.uuid, "steps", failed.uuid, "log"];
    return client.readLog(`/${parts.map(encodeURIComponent).join("/")}`, signal);
  };

  const tryLog = async (
    of: { repository: string; commit: string; build: number },
    signal: AbortSignal,
  ): Promise<string | null> => {
    try {
      return await readLog(of, signal);
    } catch (error) {
      if (error instanceof ForgeError && (error.kind === "not_found" || error.kind === "forbidden")) return null;
      throw error;
    }
  };

  return ({ repository, commit }, signal) =>
    unwrapped(async () => {
      const first = client.bind(signal).GET("/repositories/{workspace}/{repo_slug}/commit/{commit}/statuses", {
        params: { path: { ...client.at(repository), commit } },
        ...withQuery({ pagelen: "100" }),
      });
      const statuses = await client.readPages(first, Status, signal);
      return statuses.map(({ key, name, state, url, description }): CiCheck => {
        const build = /\/results\/(\d+)/.exec(url ?? "")?.[1];
        return {
          name: name || key || "",
          state: stateOf(state),
          url: url ?? null,
          log: (until) =>
            unwrapped(
              async () =>
                (build === undefined ? null : await tryLog({ repository, commit, build: Number(build) }, until)) ??
                (description || null),
              until,
            ),
        };
      });
    }, signal);
};
