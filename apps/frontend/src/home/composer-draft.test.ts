import { describe, expect, test } from "vitest";
import { emptyDelivery } from "../delivery/delivery-draft.ts";
import { emptyComposer, hasOptions, isOption, validateComposer } from "./composer-draft.ts";

const draft = { ...emptyComposer(), prompt: "Fix the build", repository: "acme/slugs" };

describe("a run from a few words", () => {
  test("needs no more than words and a repository, and delivers nothing", () => {
    expect(validateComposer(draft)).toEqual({
      ok: true,
      input: {
        prompt: "Fix the build",
        repository: "acme/slugs",
        checks: "",
        allowNoChanges: false,
        delivery: null,
        permissionMode: "bypassPermissions",
        asks: true,
        idempotencyKey: draft.idempotencyKey,
      },
    });
  });

  test("takes what is folded away", () => {
    const full = {
      ...draft,
      ref: "main",
      model: "opus",
      checks: "$ npm test",
      limits: { timeSeconds: "30" },
      environmentId: "none",
      delivery: { ...emptyDelivery("branch"), branch: "mine" },
    };
    expect(validateComposer(full)).toMatchObject({
      ok: true,
      input: { ref: "main", model: "opus", limits: { timeSeconds: 1800 }, environmentId: null, delivery: { branch: "mine" } },
    });
    expect([hasOptions(full), hasOptions(draft), hasOptions({ ...draft, ref: "main" })]).toEqual([true, false, false]);
  });

  test("says of each field what is wrong", () => {
    const checked = validateComposer({
      ...draft,
      prompt: " ",
      repository: "",
      limits: { cpus: "many" },
      delivery: { ...emptyDelivery("branch"), branch: "a b" },
    });
    if (checked.ok) throw new Error("it was taken");
    expect([...checked.problems.keys()].toSorted()).toEqual(["delivery.branch", "limits.cpus", "prompt", "repository"]);
    expect([...checked.problems.keys()].filter(isOption)).toEqual(["limits.cpus", "delivery.branch"]);
  });
});
