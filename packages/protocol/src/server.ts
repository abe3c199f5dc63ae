import { z } from "zod";
import { TaskId } from "./ids.ts";

/** What the page and a client need to know of the server. */
export const ServerInfo = z.object({
  version: z.string(),
  /** True when no credential for the model is configured: runs then talk to the built-in scripted model. */
  demo: z.boolean(),
  /** The demo task's repository, ready to launch against; null outside of demo mode. */
  demoRepository: z.string().nullable(),
  /** The demo task, when there still is one; left out outside of demo mode. */
  demoTaskId: TaskId.optional(),
  driver: z.object({
    name: z.enum(["docker", "bubblewrap"]),
    /** Which driver was taken, and why. */
    sentence: z.string(),
  }),
  /** Folders below which a local path may be given as a repository. */
  localRepositoryRoots: z.array(z.string()),
  maxConcurrentRuns: z.number().int(),
});
export type ServerInfo = z.infer<typeof ServerInfo>;
