import { RunId } from "@ccr/protocol";
import { expect, test } from "vitest";
import { toldOfCancel, toldOfRetry } from "./told.ts";

const id = RunId.parse("run_0000000001");

test("what came of canceling many is told in full", () => {
  const canceled = { id, did: "canceled", status: "canceled" } as const;
  const ended = { id, did: "ended", status: "succeeded" } as const;
  const gone = { id, did: "gone", status: null } as const;
  expect(toldOfCancel([canceled]).text).toBe("1 run canceled.");
  expect(toldOfCancel([canceled, canceled, ended, gone]).text).toBe(
    "2 runs canceled. 1 run had ended meanwhile, and stays as it is. 1 run is not there any more.",
  );
});

test("what could not be launched again is told with why, each reason once", () => {
  const fine = { id, newId: id, problem: null };
  const bad = { id, newId: null, problem: "It goes on." };
  expect(toldOfRetry([fine, fine])).toEqual({ text: "2 runs launched again.", problems: [] });
  expect(toldOfRetry([fine, bad, bad])).toEqual({
    text: "1 run launched again. 2 runs could not be:",
    problems: ["It goes on."],
  });
});
