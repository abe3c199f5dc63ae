import { describe, expect, it } from "vitest";
import { OutageWatch } from "./outage.ts";

const watch = () => {
  const told: (string | boolean)[] = [];
  let now = 0;
  const outage = new OutageWatch({
    clock: { now: () => now, after: () => () => {} },
    note: (text) => told.push(text),
    setWaiting: (waiting) => told.push(waiting),
  });
  return { outage, told, pass: (ms: number) => (now += ms) };
};

describe("OutageWatch", () => {
  it("says nothing of a gateway that is there", () => {
    const { outage, told } = watch();
    for (let n = 0; n < 3; n += 1) outage.reached();
    expect(told).toEqual([]);
  });

  it("tells an outage once, however many wait and give up, and its end once, with how long it took", () => {
    const { outage, told, pass } = watch();
    outage.waiting(1);
    outage.waiting(2);
    outage.waiting(1);
    outage.waiting(0);
    pass(300_000);
    outage.waiting(1);
    pass(30_000);
    outage.reached();
    outage.waiting(0);
    outage.reached();
    expect(told).toEqual([
      expect.stringMatching(/cannot be reached.*waits/),
      true,
      false,
      true,
      "The gateway is back after 5 min 30 s.",
      false,
    ]);
    outage.waiting(1);
    pass(7_000);
    outage.reached();
    outage.waiting(0);
    expect(told.slice(6)).toEqual([expect.stringMatching(/cannot be reached/), true, "The gateway is back after 7 s.", false]);
  });
});
