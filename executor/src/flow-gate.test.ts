import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { FlowGate } from "./flow-gate.ts";

const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await setImmediate();
};
const setUp = () => {
  const input = new PassThrough({ highWaterMark: 1024 * 1024 });
  const gate = new FlowGate(input, 10_000);
  const seen = { bytes: 0 };
  gate.output.on("data", (chunk: Buffer) => {
    seen.bytes += chunk.length;
  });
  return { input, gate, seen };
};

describe("FlowGate", () => {
  it("lets no more through than it may while nobody takes", async () => {
    const { input, gate, seen } = setUp();
    for (let index = 0; index < 100; index += 1) input.write(Buffer.alloc(1000));
    await settle();
    expect(gate.held).toBe(true);
    expect(seen.bytes).toBe(10_000);
    await gate.take(Promise.resolve("a message that was ready"));
    await settle();
    expect(seen.bytes).toBe(10_000);
  });

  it("lets everything through to who waits, whether it was held before or is held meanwhile", async () => {
    const { input, gate, seen } = setUp();
    for (let index = 0; index < 50; index += 1) input.write(Buffer.alloc(1000));
    await settle();
    const message = Promise.withResolvers<string>();
    const taken = gate.take(message.promise);
    await settle();
    for (let index = 0; index < 50; index += 1) input.write(Buffer.alloc(1000));
    await settle();
    await settle();
    expect(seen.bytes).toBe(100_000);
    message.resolve("the long line");
    expect(await taken).toBe("the long line");
  });

  it("ends with its input, also when a reader comes late", async () => {
    const input = new PassThrough();
    const gate = new FlowGate(input);
    input.end("last words");
    await settle();
    expect(await gate.output.toArray()).toEqual([Buffer.from("last words")]);
  });
});
