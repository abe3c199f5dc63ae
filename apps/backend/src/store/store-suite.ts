import { describe } from "vitest";
import { describeAllowedHosts } from "./suite/allowed-hosts.ts";
import { describeBatches } from "./suite/batches.ts";
import { describeBudgets } from "./suite/budgets.ts";
import { describeChanges } from "./suite/changes.ts";
import { describeDeliveries } from "./suite/deliveries.ts";
import { describeEnvironments } from "./suite/environments.ts";
import { describeFollow } from "./suite/follow.ts";
import { describeInputs } from "./suite/inputs.ts";
import { describeLeases } from "./suite/leases.ts";
import { describeLists } from "./suite/lists.ts";
import { describeOwnMessages } from "./suite/own-messages.ts";
import type { OpenPlace } from "./suite/place.ts";
import { describeProcesses } from "./suite/processes.ts";
import { describeQueue } from "./suite/queue.ts";
import { describeQuickRuns } from "./suite/quick-runs.ts";
import { describeRecords } from "./suite/records.ts";
import { describeRuns } from "./suite/runs.ts";
import { describeTaskVersions } from "./suite/tasks.ts";
import { describeTranscript } from "./suite/transcript.ts";
import { describeUpkeep } from "./suite/upkeep.ts";

/** What every store must do, whatever holds it. `open` gives an empty database to each test. */
export const describeStore = (name: string, open: OpenPlace): void => {
  describe(`store in ${name}`, () => {
    describeRecords(open);
    describeTaskVersions(open);
    describeEnvironments(open);
    describeRuns(open);
    describeLists(open);
    describeQuickRuns(open);
    describeDeliveries(open);
    describeQueue(open);
    describeBudgets(open);
    describeBatches(open);
    describeLeases(open);
    describeInputs(open);
    describeAllowedHosts(open);
    describeTranscript(open);
    describeOwnMessages(open);
    describeFollow(open);
    describeUpkeep(open);
    describeProcesses(open);
    describeChanges(open);
  });
};
