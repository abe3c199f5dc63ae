import { isFinal, RUN_REASONS, type RunReason, type RunStatus } from "@ccr/protocol";

/**
 * The run's state machine.
 *
 *     queued ──claimed──▶ starting ──sandbox_ready──▶ running ◀──answered── waiting
 *        │                   │                          │  └───asked────────▶ │
 *        │ cancel_requested  └──── cancel_requested ────┴─────────────────────┘
 *        ▼                                 ▼
 *     canceled ◀────────ended────────── canceling
 *
 * From starting, running and waiting, `ended` leads to the status that goes with its reason. From canceling it leads to
 * canceled: once the person wished it, no other end is told. A final status never changes.
 */
export type RunEvent =
  | { type: "claimed" }
  | { type: "sandbox_ready" }
  | { type: "asked" }
  | { type: "answered" }
  | { type: "cancel_requested" }
  | { type: "ended"; reason: RunReason; sentence: string };

/** What has to be done besides storing the new status. */
export type RunEffect = "stop_work";

export type Transition =
  | { legal: true; status: RunStatus; reason: RunReason | null; sentence: string | null; effects: readonly RunEffect[] }
  | { legal: false; why: string };

const to = (status: RunStatus, effects: readonly RunEffect[] = []): Transition => ({
  legal: true,
  status,
  reason: null,
  sentence: null,
  effects,
});

const ended = (reason: RunReason, sentence: string): Transition => ({
  legal: true,
  status: RUN_REASONS[reason].status,
  reason,
  sentence,
  effects: [],
});

/** Where an event leads from a status. Pure. */
export const transition = (status: RunStatus, event: RunEvent): Transition => {
  const illegal: Transition = { legal: false, why: `a run that is ${status} cannot take '${event.type}'` };
  if (isFinal(status)) return illegal;
  switch (event.type) {
    case "claimed":
      return status === "queued" ? to("starting") : illegal;
    case "sandbox_ready":
      return status === "starting" ? to("running") : illegal;
    case "asked":
      return status === "running" ? to("waiting") : illegal;
    case "answered":
      return status === "waiting" ? to("running") : illegal;
    case "cancel_requested":
      if (status === "queued") return ended("canceled", "The run was canceled before it started.");
      return status === "canceling" ? to("canceling") : to("canceling", ["stop_work"]);
    case "ended":
      if (status === "queued") return illegal;
      return status === "canceling" && event.reason !== "canceled"
        ? ended("canceled", RUN_REASONS.canceled.sentence)
        : ended(event.reason, event.sentence);
  }
};
