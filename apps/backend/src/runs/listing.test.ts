import { BatchId, type QueuePlace, RunId } from "@ccr/protocol";
import { expect, test } from "vitest";
import { groupQueue } from "./listing.ts";

const run = (name: string) => RunId.parse(`run_${name.padEnd(10, "0")}`);
const place = (position: number): QueuePlace => ({ position, queued: 9, heldBy: null });

test("the queue tells the runs of a batch together, and others one by one in their order", () => {
  const batch = { id: BatchId.parse("bat_0000000000"), name: "Many" };
  const queued = [
    { id: run("d"), batch: null },
    { id: run("c"), batch },
    { id: run("a"), batch: null },
    { id: run("b"), batch },
    // It was claimed since the queue was looked at.
    { id: run("e"), batch: null },
  ];
  const places = new Map([
    [run("a"), place(1)],
    [run("b"), place(2)],
    [run("c"), place(3)],
    [run("d"), place(4)],
  ]);
  expect(groupQueue(queued, places)).toEqual({ single: [run("a"), run("d")], batches: [{ ...batch, count: 2, position: 2 }] });
});
