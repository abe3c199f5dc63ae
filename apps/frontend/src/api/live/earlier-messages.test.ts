import { type Message, RunId } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { takePage } from "./earlier-messages.ts";

const runId = RunId.parse("run_0123456789");
const note = (seq: number): Message => ({
  ...{ runId, seq, at: "2026-11-22T20:00:00.000Z", source: "runner" },
  body: { type: "note", text: "x" },
});
const seqs = (messages: readonly Message[]): number[] => messages.map(({ seq }) => seq);

describe("a page of earlier messages", () => {
  it("is taken as far as it is new, and not beyond where the others begin", () => {
    const { fresh, state } = takePage({ lastSeq: 2, failures: 3 }, [1, 2, 3, 4, 5, 6].map(note), 5);
    expect(seqs(fresh)).toEqual([3, 4, 5]);
    expect(state).toEqual({ lastSeq: 5, failures: 0 });
  });

  it("is taken up to a gap, after which it is asked for again", () => {
    expect(seqs(takePage({ lastSeq: 0, failures: 0 }, [1, 2, 4].map(note), 9).fresh)).toEqual([1, 2]);
    expect(takePage({ lastSeq: 2, failures: 0 }, [4, 5].map(note), 9)).toEqual({ fresh: [], state: { lastSeq: 2, failures: 0 } });
  });
});
