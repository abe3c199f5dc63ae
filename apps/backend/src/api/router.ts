import { instancesRouter } from "./instances.ts";
import { runsRouter } from "./runs.ts";
import { tasksRouter } from "./tasks.ts";
import { procedure, router } from "./trpc.ts";

export const appRouter = router({
  tasks: tasksRouter,
  runs: runsRouter,
  instances: instancesRouter,
  server: router({ info: procedure.query(({ ctx }) => ctx.info()) }),
});

/** The type from which clients take every procedure's input and output. */
export type AppRouter = typeof appRouter;
