import { isFinal, RUN_REASONS, RUN_STATUSES, RunReason } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { type RunEvent, transition } from "./transition.ts";

const reasons = Object.keys(RUN_REASONS).map((reason) => RunReason.parse(reason));
const events: RunEvent[] = [
  { type: "claimed" },
  { type: "sandbox_ready" },
  { type: "asked" },
  { type: "answered" },
  { type: "cancel_requested" },
  ...reasons.map((reason): RunEvent => ({ type: "ended", reason, sentence: "why" })),
];

describe("transition", () => {
  it("lets no event move a run that is final", () => {
    for (const status of RUN_STATUSES.filter(isFinal)) {
      for (const event of events) expect(transition(status, event)).toMatchObject({ legal: false });
    }
  });

  it("gives a reason and a sentence with every final status, and with no other", () => {
    for (const status of RUN_STATUSES) {
      for (const event of events) {
        const next = transition(status, event);
        if (!next.legal) continue;
        expect(next.reason !== null, `${status} + ${event.type}`).toBe(isFinal(next.status));
        expect(next.sentence !== null).toBe(isFinal(next.status));
        if (next.reason !== null) expect(RUN_REASONS[next.reason].status).toBe(next.status);
      }
    }
  });

  it("leads every run to an end, whatever its status", () => {
    for (const status of RUN_STATUSES.filter((s) => !isFinal(s) && s !== "queued")) {
      for (const reason of reasons)
        expect(transition(status, { type: "ended", reason, sentence: "" })).toMatchObject({ legal: true });
    }
  });

  it("cancels a queued run at once, and stops the work of any other", () => {
    expect(transition("queued", { type: "cancel_requested" })).toMatchObject({ status: "canceled", effects: [] });
    for (const status of ["starting", "running", "waiting"] as const) {
      expect(transition(status, { type: "cancel_requested" })).toMatchObject({ status: "canceling", effects: ["stop_work"] });
    }
    expect(transition("canceling", { type: "cancel_requested" })).toMatchObject({ status: "canceling", effects: [] });
  });

  it("tells canceled as the only end of a run that the person canceled", () => {
    for (const reason of reasons) {
      expect(transition("canceling", { type: "ended", reason, sentence: "other" })).toMatchObject({
        status: "canceled",
        reason: "canceled",
      });
    }
  });
});
