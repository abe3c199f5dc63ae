import { RunLimits } from "@ccr/protocol";
import { expect, test } from "vitest";
import { emptyDelivery } from "../delivery/delivery-draft.ts";
import { type LaunchDraft, problemsOfRefusal, validateLaunch } from "./launch-draft.ts";
import { defaultLimit, LIMIT_FIELDS } from "./limits.ts";

const draft = (change: Partial<LaunchDraft> = {}): LaunchDraft => ({
  taskId: "task_0123456789",
  repository: "owner/name",
  ref: "",
  directory: "",
  additionalRepositories: [],
  model: " ",
  limits: {},
  delivery: emptyDelivery("task"),
  environmentId: "",
  permissionMode: "bypassPermissions",
  asks: true,
  network: "",
  parameters: {},
  idempotencyKey: "k",
  ...change,
});

const asUsual = { permissionMode: "bypassPermissions", asks: true };

test("leaves out what was left empty", () => {
  expect(validateLaunch(draft())).toEqual({
    ok: true,
    input: { taskId: "task_0123456789", repository: "owner/name", ...asUsual, idempotencyKey: "k" },
  });
});

test("sends folders and further repositories only when there are any", () => {
  const row = { key: "1", repository: " acme/web ", ref: " dev ", directory: "" };
  expect(validateLaunch(draft({ directory: "mine" }))).toEqual({
    ok: true,
    input: { taskId: "task_0123456789", repository: "owner/name", ...asUsual, idempotencyKey: "k" },
  });
  expect(validateLaunch(draft({ directory: "mine", additionalRepositories: [row] }))).toEqual({
    ok: true,
    input: {
      taskId: "task_0123456789",
      repository: "owner/name",
      directory: "mine",
      additionalRepositories: [{ repository: "acme/web", ref: "dev" }],
      ...asUsual,
      idempotencyKey: "k",
    },
  });
  const twice = validateLaunch(draft({ additionalRepositories: [{ ...row, repository: "owner/name" }] }));
  expect(twice.ok ? [] : [...twice.problems]).toEqual([
    ["additionalRepositories.0.repository", "'owner/name' is named twice; name each repository once"],
  ]);
});

test("takes minutes for seconds, and a comma for a point", () => {
  const result = validateLaunch(draft({ ref: " main ", limits: { timeSeconds: "1,5", cpus: "2", turns: " " } }));
  expect(result).toMatchObject({ ok: true, input: { ref: "main", limits: { timeSeconds: 90, cpus: 2 } } });
});

test("names the field that is wrong", () => {
  const problems = (change: Partial<LaunchDraft>) => {
    const result = validateLaunch(draft(change));
    return result.ok ? null : Object.fromEntries(result.problems);
  };
  expect(problems({ taskId: "" })).toEqual({ taskId: "choose the task to run" });
  expect(problems({ repository: " " })?.repository).toContain("the repository is empty");
  expect(problems({ limits: { cpus: "many" } })).toEqual({ "limits.cpus": "give a number" });
  expect(Object.keys(problems({ limits: { memoryMb: "1" }, model: "a b" }) ?? {})).toEqual(["model", "limits.memoryMb"]);
});

test("says what a limit may be, in the unit of its field", () => {
  const problem = (key: string, text: string) => {
    const result = validateLaunch(draft({ limits: { [key]: text } }));
    return result.ok ? null : result.problems.get(`limits.${key}`);
  };
  expect(problem("timeSeconds", "0.1")).toBe("between 10 seconds and 10,080 minutes");
  expect(problem("checkSeconds", "0")).toBe("between 1 second and 1,440 minutes");
  expect(problem("timeSeconds", "99999")).toBe("between 10 seconds and 10,080 minutes");
  expect(problem("memoryMb", "1")).toBe("between 512 and 1,048,576 MiB");
  expect(problem("memoryMb", "0.5")).toBe("between 512 and 1,048,576 MiB");
  expect(problem("memoryMb", "512.5")).toBe("a whole number");
  expect(problem("maxAttempts", "0")).toBe("between 1 and 20");
  expect(problem("maxAttempts", "1.5")).toBe("a whole number");
  expect(problem("turns", "1e99")).toBe("between 1 and 10,000");
  expect(problem("cpus", "0.01")).toBe("between 0.1 and 1,024");
  expect(problem("budgetUsd", "0")).toBe("more than 0, and at most 100,000 US dollars");
  expect(problem("stallSeconds", "soon")).toBe("give a number");
  expect(problem("timeSeconds", "0.17")).toBeNull();
});

test("names an environment, or that there is to be none, or leaves it to task and repository", () => {
  const asked = (environmentId: string) => {
    const result = validateLaunch(draft({ environmentId }));
    return result.ok ? result.input.environmentId : "refused";
  };
  expect([asked(""), asked("none"), asked("env_0123456789")]).toEqual([undefined, null, "env_0123456789"]);
});

test("a refusal that names a field belongs to the field", () => {
  expect(problemsOfRefusal("repository: the address has a '..' in its path.")).toEqual(
    new Map([["repository", "the address has a '..' in its path."]]),
  );
  expect(problemsOfRefusal("directory: the folder is empty.")).toEqual(new Map([["directory", "the folder is empty."]]));
  for (const path of ["additionalRepositories.1.ref", "additionalRepositories[1].ref"])
    expect(problemsOfRefusal(`${path}: it is not there.`)).toEqual(
      new Map([["additionalRepositories.1.ref", "it is not there."]]),
    );
  expect(problemsOfRefusal("additionalRepositories: 'a/b' is named twice.")).toEqual(
    new Map([["additionalRepositories.0.repository", "'a/b' is named twice."]]),
  );
  expect(problemsOfRefusal("There is no task task_1.")).toBeNull();
});

test("every limit has a field, and a default to show in the unit of its field", () => {
  expect(LIMIT_FIELDS.map(({ key }) => key).sort()).toEqual(Object.keys(RunLimits.parse({})).sort());
  expect(LIMIT_FIELDS.map((field) => `${field.key} ${defaultLimit(field)}`)).toContain("timeSeconds 240");
  expect(LIMIT_FIELDS.every((field) => defaultLimit(field) !== "NaN")).toBe(true);
});

test("finds what is wrong with each parameter in the server's refusal", () => {
  const sentence = "parameters.a-b: is missing: give a value; parameters.c: must be one of 'x; y', 'z'.";
  expect([...(problemsOfRefusal(sentence) ?? [])]).toEqual([
    ["parameters.a-b", "is missing: give a value"],
    ["parameters.c", "must be one of 'x; y', 'z'"],
  ]);
});
