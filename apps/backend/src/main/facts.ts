import { arch, release, type } from "node:os";
import type { ServerAbout, ServerInfo } from "@ccr/protocol";
import type { Config } from "../config.ts";
import type { startDemo } from "../demo/demo.ts";

/** What the server tells of itself. */
export const describeServer = (facts: {
  config: Config;
  demo: Pick<Awaited<ReturnType<typeof startDemo>>, "repository" | "taskId"> | null;
  driver: ServerInfo["driver"];
  localRepositoryRoots: string[];
  version: string;
  /** The build of the web UI that is served now. */
  buildName: () => Promise<string>;
  /** Where the model's API is. */
  apiUrl: URL;
}): { info: () => Promise<ServerInfo>; about: () => ServerAbout } => {
  const { config, demo, driver, localRepositoryRoots, version, buildName, apiUrl } = facts;
  const startedAt = new Date().toISOString();
  return {
    info: async () => ({
      version,
      build: await buildName(),
      demo: demo !== null,
      demoRepository: demo?.repository ?? null,
      ...(demo === null ? {} : { demoTaskId: demo.taskId }),
      driver,
      localRepositoryRoots,
      maxConcurrentRuns: config.maxConcurrentRuns,
    }),
    about: () => ({
      startedAt,
      node: process.version,
      system: `${type()} ${release()} ${arch()}`,
      database: config.database.kind,
      maxRunsPerRepository: config.maxRunsPerRepository,
      maxRunsPerTask: config.maxRunsPerTask,
      modelHost: demo === null ? apiUrl.host : "the built-in scripted model",
    }),
  };
};
