import { createAllowedHostStore } from "./allowed-hosts.ts";
import { createAttentionStore } from "./attention.ts";
import { createAuditStore } from "./audit.ts";
import { createBatchStore } from "./batches.ts";
import { createBudgetStore } from "./budgets.ts";
import { Changes } from "./changes.ts";
import { createDeliveryStore } from "./deliveries.ts";
import type { Engine } from "./engine.ts";
import { createEnvironmentStore } from "./environments.ts";
import { Feeds } from "./feeds.ts";
import { GroupCommit } from "./group-commit.ts";
import type { Ids } from "./ids.ts";
import { createInputStore } from "./inputs.ts";
import { createInstanceStore } from "./instances.ts";
import { createRunListing } from "./listing.ts";
import { createRunOverview } from "./overview.ts";
import { createQueue } from "./queue.ts";
import { createQuickRuns } from "./quick.ts";
import { createRunStore } from "./runs.ts";
import { type Clock, createTaskStore } from "./tasks.ts";
import { createTranscript } from "./transcript.ts";
import type { Store } from "./types.ts";
import { createUpkeep } from "./upkeep.ts";

/** The store on an engine whose schema is up to date. Disposing it ends its followers, waits for what is being written, and closes the database. */
export const createStore = ({ engine, ids, now }: { engine: Engine; ids: Ids; now: Clock }): Store => {
  const { db } = engine;
  const commits = new GroupCommit(engine);
  const changes = new Changes(engine);
  const feeds = new Feeds(db, changes);
  let closed: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    feeds.close();
    await changes.close();
    await commits.idle();
    await db.destroy();
  };
  return {
    tasks: createTaskStore({ db, commits, ids, now }),
    environments: createEnvironmentStore({ db, commits, ids, now }),
    runs: createRunStore({ engine, commits, feeds, ids, now }),
    listing: createRunListing({ db }),
    attention: createAttentionStore({ db }),
    quick: createQuickRuns({ engine, commits, ids, now }),
    deliveries: createDeliveryStore({ db }),
    batches: createBatchStore({ engine, commits, feeds, ids, now }),
    queue: createQueue({ engine, commits, now }),
    budgets: createBudgetStore({ db, now }),
    inputs: createInputStore({ db, commits, changes, ids, now }),
    allowedHosts: createAllowedHostStore({ db, commits, changes, feeds, now }),
    instances: createInstanceStore({ db, commits, now }),
    transcript: createTranscript({ engine, commits, feeds, now }),
    audit: createAuditStore({ db, commits }),
    changes: { listen: (changed) => changes.listen(async (runIds) => changed(runIds)) },
    upkeep: createUpkeep({ engine, commits, now }),
    overview: createRunOverview({ db }),
    [Symbol.asyncDispose]: () => {
      closed ??= close();
      return closed;
    },
  };
};
