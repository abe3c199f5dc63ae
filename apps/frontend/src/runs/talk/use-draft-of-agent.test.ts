import { expect, it } from "vitest";
import { withDraftEvent } from "./use-draft-of-agent.ts";

it("puts together what is being written", () => {
  const first = { index: 0, kind: "text" as const, name: null, text: "Hel" };
  const second = { index: 1, kind: "tool" as const, name: "Bash", text: "{" };
  const begun = withDraftEvent([], { type: "append", block: first });
  const longer = withDraftEvent(begun, { type: "append", block: { ...first, text: "lo" } });
  expect(withDraftEvent(longer, { type: "append", block: second })).toEqual([{ ...first, text: "Hello" }, second]);
  expect(withDraftEvent(longer, { type: "reset", blocks: [second] })).toEqual([second]);
});
