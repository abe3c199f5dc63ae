import { DeliverySettings } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { draftOfDelivery, emptyDelivery, validateDelivery } from "./delivery-draft.ts";

describe("a draft of where results go", () => {
  it("of nothing is nowhere, and as the task says is left out", () => {
    expect(validateDelivery(emptyDelivery("nowhere"))).toEqual({ ok: true, settings: null });
    expect(validateDelivery(emptyDelivery("task"))).toEqual({ ok: true, settings: undefined });
  });

  it("gives back the settings that it was made of", () => {
    const settings = DeliverySettings.parse({
      to: "pull_request",
      branch: "work/{date}-{run}",
      base: "develop",
      draft: true,
      reviewers: ["ada", "grace"],
      labels: ["bug fix"],
      title: "Mend it",
      follow: { times: 2, people: ["alan"] },
    });
    expect(validateDelivery(draftOfDelivery(settings))).toEqual({ ok: true, settings });
  });

  it("names what is wrong by its field, and drops what a branch has no use for", () => {
    expect(validateDelivery({ ...emptyDelivery("branch"), branch: "a b", base: "x..y" })).toEqual({
      ok: false,
      problems: new Map([
        ["delivery.branch", "cannot be the name of a branch"],
        ["delivery.base", "cannot be the name of a branch"],
      ]),
    });
    const { settings } = { settings: null, ...validateDelivery({ ...emptyDelivery("branch"), reviewers: "ada", draft: true }) };
    expect(settings).toMatchObject({ to: "branch", reviewers: [], draft: false });
  });
});
