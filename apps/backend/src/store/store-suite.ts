import { describe } from "vitest";
import { describeFollow } from "./suite/follow.ts";
import type { OpenPlace } from "./suite/place.ts";
import { describeRecords } from "./suite/records.ts";
import { describeRuns } from "./suite/runs.ts";
import { describeTranscript } from "./suite/transcript.ts";

/** What every store must do, whatever holds it. `open` gives an empty database to each test. */
export const describeStore = (name: string, open: OpenPlace): void => {
  describe(`store in ${name}`, () => {
    describeRecords(open);
    describeRuns(open);
    describeTranscript(open);
    describeFollow(open);
  });
};
