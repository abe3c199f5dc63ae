import { z } from "zod";
import { RefText, RepositoryText } from "./checkout.ts";
import { EnvironmentId } from "./ids.ts";

/**
 * A run that does nothing but set an environment up for a repository, as the first run with both would: no agent is started and no model is asked. What
 * it leaves is kept for later runs; where that is kept already, nothing is run.
 */
export const SetUpEnvironmentInput = z.strictObject({
  id: EnvironmentId,
  repository: RepositoryText,
  /** A branch, tag or commit; left out: the default branch. */
  ref: RefText.optional(),
  /** The same key always gives the same run; with another environment, repository or ref it is a `conflict`. */
  idempotencyKey: z.string().min(1).max(200).optional(),
});
export type SetUpEnvironmentInput = z.infer<typeof SetUpEnvironmentInput>;
