import { describe, expect, it } from "vitest";
import { LateError, systemClock, within } from "./clock.ts";

const never = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

describe("within", () => {
  it("ends what takes too long, with the error that was asked for", async () => {
    await expect(within(systemClock, { ms: 5 }, never)).rejects.toThrow(LateError);
    await expect(within(systemClock, { ms: 5, late: () => new Error("too slow") }, never)).rejects.toThrow("too slow");
  });

  it("ends with the outer signal's reason, and gives what comes in time", async () => {
    const outer = AbortSignal.abort(new Error("canceled"));
    await expect(within(systemClock, { ms: 60_000, signal: outer }, async (signal) => signal.throwIfAborted())).rejects.toThrow(
      "canceled",
    );
    expect(await within(systemClock, { ms: 60_000 }, async () => 7)).toBe(7);
  });
});
