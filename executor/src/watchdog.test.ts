import { describe, expect, it } from "vitest";
import { seeMessage } from "./agent-messages.ts";
import { type Alarm, type Clock, Watchdog } from "./watchdog.ts";

class TestClock implements Clock {
  #now = 1000;
  #calls: { at: number; call: () => void }[] = [];
  now(): number {
    return this.#now;
  }
  after(delayMs: number, call: () => void): () => void {
    const entry = { at: this.#now + delayMs, call };
    this.#calls.push(entry);
    return () => {
      this.#calls = this.#calls.filter((each) => each !== entry);
    };
  }
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#calls.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#calls = this.#calls.filter((each) => each !== next);
      this.#now = next.at;
      next.call();
    }
    this.#now = end;
  }
  get waiting(): number {
    return this.#calls.length;
  }
}

const setUp = (stallTimeoutMs = 1000) => {
  const clock = new TestClock();
  const alarms: Alarm[] = [];
  const watchdog = new Watchdog({ clock, stallTimeoutMs, onAlarm: (alarm) => alarms.push(alarm) });
  return { clock, alarms, watchdog, say: (message: unknown) => watchdog.observe(seeMessage(message)) };
};
const toolUse = (id: string, name = "Bash") => ({
  type: "assistant",
  message: { content: [{ type: "tool_use", id, name, input: {} }] },
});
const toolResult = (id: string) => ({
  type: "user",
  message: { content: [{ type: "tool_result", tool_use_id: id, content: "" }] },
});
const text = { type: "assistant", message: { content: [{ type: "text", text: "a" }] } };
const retry = (status: number | null, error = "server_error") => ({
  type: "system",
  subtype: "api_retry",
  error_status: status,
  error,
});

describe("Watchdog", () => {
  it("raises none while it is paused, however long, and gives the whole time again afterwards", () => {
    const { clock, alarms, watchdog } = setUp();
    clock.advance(900);
    watchdog.pause();
    watchdog.pause();
    clock.advance(600_000);
    watchdog.resume();
    clock.advance(600_000);
    expect(alarms).toEqual([]);
    watchdog.resume();
    clock.advance(999);
    expect(alarms).toEqual([]);
    clock.advance(1001);
    expect(alarms).toMatchObject([{ kind: "stalled" }]);
  });

  it("does not count a pause to the time for which the model has failed", () => {
    const { clock, alarms, watchdog, say } = setUp();
    say(retry(500));
    clock.advance(600);
    watchdog.pause();
    clock.advance(600_000);
    say(retry(null, "unknown"));
    clock.advance(10);
    watchdog.resume();
    clock.advance(300);
    say(retry(500));
    expect(alarms).toEqual([]);
    for (let n = 0; n < 20; n += 1) {
      clock.advance(100);
      say(retry(500));
    }
    expect(alarms).toMatchObject([{ kind: "unavailable" }]);
  });

  it("raises one alarm when nothing comes for the whole time, and not a moment before", () => {
    const { clock, alarms } = setUp();
    clock.advance(999);
    expect(alarms).toEqual([]);
    clock.advance(1);
    expect(alarms).toEqual([{ kind: "stalled", silentMs: 1000 }]);
    clock.advance(10_000);
    expect(alarms).toHaveLength(1);
  });

  it("takes any message as a sign of life, also one of an unknown kind", () => {
    const { clock, alarms, say } = setUp();
    for (const message of [{ type: "stream_event" }, { type: "new" }, text, { type: "tool_progress" }]) {
      clock.advance(900);
      say(message);
    }
    expect(alarms).toEqual([]);
    clock.advance(999);
    expect(alarms).toEqual([]);
    clock.advance(1);
    expect(alarms).toMatchObject([{ kind: "stalled" }]);
  });

  it("never calls an open tool call a stall, and counts from its end", () => {
    const { clock, alarms, say } = setUp();
    say(toolUse("a"));
    say(toolUse("b"));
    clock.advance(3_600_000);
    say(toolResult("a"));
    clock.advance(3_600_000);
    expect(alarms).toEqual([]);
    say(toolResult("b"));
    clock.advance(999);
    expect(alarms).toEqual([]);
    clock.advance(1);
    expect(alarms).toEqual([{ kind: "stalled", silentMs: 1000 }]);
  });

  it("sees a stall behind the call of a subagent, but not behind a tool of the subagent", () => {
    const { clock, alarms, say } = setUp();
    say(toolUse("task", "Task"));
    say(toolUse("inner"));
    clock.advance(5_000);
    expect(alarms).toEqual([]);
    say(toolResult("inner"));
    clock.advance(1_000);
    expect(alarms).toMatchObject([{ kind: "stalled" }]);
  });

  it("gives a model up that only fails, however often it is tried", () => {
    const { clock, alarms, say } = setUp();
    for (let time = 0; time <= 1100; time += 100) {
      say(retry(529, "overloaded"));
      clock.advance(100);
    }
    expect(alarms).toEqual([{ kind: "unavailable", error: { status: 529, error: "overloaded" } }]);
  });

  it("starts to count failures anew after a success", () => {
    const { clock, alarms, say, watchdog } = setUp();
    for (let round = 0; round < 10; round += 1) {
      say(retry(500));
      clock.advance(600);
      say(text);
      expect(watchdog.modelError).toBeNull();
      clock.advance(600);
    }
    expect(alarms).toEqual([]);
  });

  it("blames the model when the agent waits longer than the limit to try it again", () => {
    const { clock, alarms, say } = setUp();
    say(retry(429, "rate_limit"));
    clock.advance(1001);
    expect(alarms).toMatchObject([{ kind: "unavailable", error: { status: 429 } }]);
  });

  it("does not wait for the tenth time that a credential is refused", () => {
    const { alarms, say } = setUp();
    say(retry(401, "authentication_failed"));
    say(retry(401, "authentication_failed"));
    expect(alarms).toEqual([]);
    say(retry(401, "authentication_failed"));
    expect(alarms).toEqual([{ kind: "unauthorized", error: { status: 401, error: "authentication_failed" } }]);
  });

  it("does not count the time in which we keep the agent waiting", () => {
    const { clock, alarms, watchdog } = setUp();
    watchdog.pause();
    clock.advance(50_000);
    watchdog.resume();
    clock.advance(999);
    expect(alarms).toEqual([]);
    clock.advance(1);
    expect(alarms).toMatchObject([{ kind: "stalled" }]);
  });

  it("leaves no timer behind when it is stopped", () => {
    const { clock, alarms, watchdog, say } = setUp();
    say(text);
    watchdog.stop();
    expect(clock.waiting).toBe(0);
    clock.advance(100_000);
    expect(alarms).toEqual([]);
  });
});
