import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { FlowGate } from "./flow-gate.ts";

const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await setImmediate();
};

describe("FlowGate", () => {
  it("lets no more through than it may, until all of that was taken", async () => {
    const input = new PassThrough({ highWaterMark: 1024 * 1024 });
    const gate = new FlowGate(input, 10_000);
    let received = 0;
    gate.output.on("data", (chunk: Buffer) => {
      received += chunk.length;
    });
    for (let index = 0; index < 100; index += 1) input.write(Buffer.alloc(1000));
    await settle();
    expect(gate.held).toBe(true);
    expect(received).toBe(10_000);
    gate.release();
    await settle();
    expect(received).toBe(20_000);
    while (gate.held) {
      gate.release();
      await settle();
    }
    expect(received).toBe(100_000);
  });

  it("ends with its input, also when a reader comes late", async () => {
    const input = new PassThrough();
    const gate = new FlowGate(input);
    input.end("last words");
    await settle();
    expect(await gate.output.toArray()).toEqual([Buffer.from("last words")]);
  });
});
