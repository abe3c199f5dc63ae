import { batchesRouter } from "./batches.ts";
import { environmentsRouter } from "./environments.ts";
import { filesRouter } from "./files.ts";
import { instancesRouter } from "./instances.ts";
import { repositoriesRouter } from "./repositories.ts";
import { runsRouter } from "./runs.ts";
import { serverRouter } from "./server.ts";
import { shellsRouter } from "./shells.ts";
import { talkRouter } from "./talk.ts";
import { tasksRouter } from "./tasks.ts";
import { router } from "./trpc.ts";

export const appRouter = router({
  tasks: tasksRouter,
  runs: runsRouter,
  talk: talkRouter,
  batches: batchesRouter,
  repositories: repositoriesRouter,
  environments: environmentsRouter,
  instances: instancesRouter,
  shells: shellsRouter,
  files: filesRouter,
  server: serverRouter,
});

/** The type from which clients take every procedure's input and output. */
export type AppRouter = typeof appRouter;
