import { type Message, RunId, type RunStatus } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { connectionOf, initialLiveState, type LiveEvent, type LiveState, reduceLive, retryDelayMs } from "./machine.ts";

const runId = RunId.parse("run_0123456789");
const at = "2026-11-22T20:00:00.000Z";
const note = (seq: number): Message => ({ runId, seq, at, source: "runner", body: { type: "note", text: `note ${seq}` } });
const notes = (from: number, to: number): Message[] => Array.from({ length: to - from + 1 }, (_, index) => note(from + index));
const status = (seq: number, value: RunStatus): Message => ({
  runId,
  seq,
  at,
  source: "runner",
  body: { type: "status", status: value, sentence: value },
});

/** Sends the events and gives the state, every message that was accepted, and the effects of the last event. */
const play = (events: readonly LiveEvent[], from: LiveState = initialLiveState) => {
  let state = from;
  let last: readonly { type: string }[] = [];
  const accepted: number[] = [];
  for (const event of events) {
    const step = reduceLive(state, event);
    state = step.state;
    last = step.effects;
    for (const effect of step.effects) if (effect.type === "accept") accepted.push(...effect.messages.map(({ seq }) => seq));
  }
  return { state, accepted, last };
};

const live = (upTo: number): LiveEvent[] => [
  { type: "started" },
  { type: "page_read", messages: notes(1, upTo), complete: true },
  { type: "opened", at: 0 },
];

describe("the start", () => {
  test("reads page after page and then follows from the last message", () => {
    const { accepted, last, state } = play([
      { type: "started" },
      { type: "page_read", messages: notes(1, 3), complete: false },
      { type: "page_read", messages: notes(4, 5), complete: true },
    ]);
    expect(accepted).toEqual([1, 2, 3, 4, 5]);
    expect(last.at(-1)).toEqual({ type: "connect", after: 5 });
    expect(connectionOf(state)).toBe("loading");
  });

  test("needs no stream when the final status is read", () => {
    const { state, last } = play([
      { type: "started" },
      { type: "page_read", messages: [...notes(1, 2), status(3, "failed")], complete: true },
    ]);
    expect(connectionOf(state)).toBe("ended");
    expect(last.map(({ type }) => type)).toEqual(["accept"]);
  });

  test("does not take a status on the way for the end", () => {
    const { state } = play([{ type: "started" }, { type: "page_read", messages: [status(1, "running")], complete: true }]);
    expect(state.phase.name).toBe("connecting");
  });

  test("gives up on a run that is not there, and keeps trying a server that fails", () => {
    const missing = play([{ type: "started" }, { type: "page_failed", status: 404, problem: "no such run" }]);
    expect(missing.state.phase).toEqual({ name: "refused", status: 404 });
    expect(missing.last).toEqual([]);
    const broken = play([{ type: "started" }, { type: "page_failed", status: 503, problem: "down" }]);
    expect(broken.last).toEqual([{ type: "wait", ms: 250 }]);
    expect(connectionOf(broken.state)).toBe("reconnecting");
  });
});

describe("the stream", () => {
  test("accepts each message once, whatever is sent again", () => {
    const { accepted } = play([
      ...live(2),
      { type: "received", message: note(2) },
      { type: "received", message: note(3) },
      { type: "received", message: note(3) },
      { type: "received", message: note(1) },
      { type: "received", message: note(4) },
    ]);
    expect(accepted).toEqual([1, 2, 3, 4]);
  });

  test("fills a gap from the store before anything after it is shown", () => {
    const gap = play([...live(2), { type: "received", message: note(5) }]);
    expect(gap.accepted).toEqual([1, 2]);
    expect(gap.last).toEqual([{ type: "disconnect" }, { type: "read", after: 2 }]);
    const healed = play([{ type: "page_read", messages: notes(3, 6), complete: true }], gap.state);
    expect(healed.accepted).toEqual([3, 4, 5, 6]);
    expect(healed.last.at(-1)).toEqual({ type: "connect", after: 6 });
  });

  test("waits before it tries again at a gap that the store cannot fill", () => {
    const { last, state } = play([
      ...live(2),
      { type: "received", message: note(5) },
      { type: "page_read", messages: [], complete: true },
      { type: "opened", at: 0 },
      { type: "received", message: note(5) },
    ]);
    expect(last).toEqual([{ type: "disconnect" }, { type: "wait", ms: 250 }]);
    expect(state.lastSeq).toBe(2);
  });

  test("ignores what an abandoned stream still delivers", () => {
    const { accepted } = play([...live(2), { type: "woke" }, { type: "received", message: note(3) }]);
    expect(accepted).toEqual([1, 2]);
  });
});

describe("the end of a stream", () => {
  test("a clean close of an unfinished run is healed from the last message", () => {
    const closed = play([...live(2), { type: "received", message: note(3) }, { type: "closed", at: 5 }]);
    expect(connectionOf(closed.state)).toBe("reconnecting");
    expect(closed.last).toEqual([{ type: "wait", ms: 250 }]);
    expect(play([{ type: "timer" }], closed.state).last).toEqual([{ type: "read", after: 3 }]);
  });

  test("a close after the final status ends it, and nothing starts it again", () => {
    const { state, last } = play([
      ...live(1),
      { type: "received", message: status(2, "succeeded") },
      { type: "closed", at: 5 },
      { type: "timer" },
      { type: "woke" },
    ]);
    expect(connectionOf(state)).toBe("ended");
    expect(last).toEqual([]);
  });

  test("a lost connection after the final status is an end too", () => {
    const { state } = play([
      ...live(1),
      { type: "received", message: status(2, "canceled") },
      { type: "lost", at: 5, problem: "network" },
    ]);
    expect(connectionOf(state)).toBe("ended");
  });

  test("waits longer each time, up to a ceiling, and says offline when it lasts", () => {
    const lose: LiveEvent[] = [
      { type: "lost", at: 1, problem: "network" },
      { type: "timer" },
      { type: "page_failed", status: null, problem: "network" },
      { type: "timer" },
      { type: "page_failed", status: null, problem: "network" },
      { type: "timer" },
      { type: "page_failed", status: null, problem: "network" },
    ];
    const { state, last } = play([...live(2), ...lose]);
    expect(connectionOf(state)).toBe("offline");
    expect(last).toEqual([{ type: "wait", ms: 2000 }]);
    expect([1, 2, 3, 7, 40].map(retryDelayMs)).toEqual([250, 500, 1000, 15_000, 15_000]);
  });

  test("a stream that opens and ends at once is tried again at a steady pace", () => {
    let { state } = play(live(2));
    for (let round = 0; round < 10; round += 1) {
      state = play(
        [{ type: "closed", at: 1 }, { type: "timer" }, { type: "page_read", messages: [], complete: true }],
        state,
      ).state;
      state = play([{ type: "opened", at: 1 }], state).state;
    }
    expect(play([{ type: "closed", at: 1 }], state).last).toEqual([{ type: "wait", ms: 1000 }]);
  });

  test("a stream that held for long is not punished for earlier failures", () => {
    const tired: LiveState = { ...play(live(2)).state, failures: 5 };
    expect(play([{ type: "closed", at: 300_000 }], tired).last).toEqual([{ type: "wait", ms: 250 }]);
    expect(play([{ type: "closed", at: 50 }], tired).last).toEqual([{ type: "wait", ms: 8000 }]);
  });

  test("a message that arrives makes the connection good again", () => {
    const tired: LiveState = { ...play(live(2)).state, failures: 5 };
    const { state } = play([{ type: "received", message: note(3) }], tired);
    expect(state.failures).toBe(0);
  });
});

test("waking up drops the open stream and reads what is missing, at once also while waiting", () => {
  expect(play([...live(2), { type: "woke" }]).last).toEqual([{ type: "disconnect" }, { type: "read", after: 2 }]);
  expect(play([...live(2), { type: "closed", at: 1 }, { type: "woke" }]).last).toEqual([{ type: "read", after: 2 }]);
});
