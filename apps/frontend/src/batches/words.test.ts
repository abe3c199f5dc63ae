import { isFinal, type RunStatus } from "@ccr/protocol";
import { expect, test } from "vitest";
import { choiceWords, describeMember, describeWay } from "./words.ts";

test("says plainly what a choice does to the others", () => {
  const words = (...statuses: RunStatus[]) =>
    choiceWords(
      statuses.map((status) => ({ status, mark: null })),
      isFinal,
    );
  expect(words()).toBe("It competes with no other run: it is marked as chosen.");
  expect(words("running", "queued", "failed")).toBe(
    "2 runs that have not ended are canceled; what was done so far is kept. 1 run that has ended is marked as closed. Nothing is deleted, and you can choose another one later.",
  );
  expect(words("succeeded", "errored")).toBe(
    "2 runs that have ended are marked as closed. Nothing is deleted, and you can choose another one later.",
  );
  expect(words("starting")).toContain("1 run that has not ended is canceled");
});

test("says what a run is in its batch, and no more than tells it from others", () => {
  const member = { variant: "", attempt: 1, tries: 1, mark: null };
  expect(describeMember(member)).toBe("Batch");
  expect(describeMember({ variant: "large", attempt: 2, tries: 3, mark: "chosen" })).toBe(
    "Batch · large · run 2 · launched 3 times · chosen",
  );
  expect(describeWay(member, 1)).toBe("");
  expect(describeWay(member, 2)).toBe("run 1");
  expect(describeWay({ variant: "large", attempt: 1 }, 1)).toBe("large");
});
