import { CcrError, CreateBatchInput, NO_DEFAULTS, type Task, TaskId, TaskParameter } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { planBatch, tasksOf } from "./plan.ts";

const at = "2026-11-22T20:00:00.000Z";
const task = (name: string, instructions = "Do it."): Task => ({
  id: TaskId.parse(`task_${name.padStart(10, "0")}`),
  name,
  steps: [{ instructions, checks: "" }],
  allowNoChanges: false,
  delivery: null,
  environmentId: null,
  parameters: [],
  defaults: NO_DEFAULTS,
  version: 1,
  createdAt: at,
  updatedAt: at,
});
const [one, two, twin] = [task("one"), task("two"), { ...task("three"), name: "two" }];
const tasks = new Map([one, two, twin].map((known) => [known.id, known]));

type Given = Partial<(typeof CreateBatchInput)["_zod"]["input"]>;
const plan = (given: Given = {}) =>
  planBatch(CreateBatchInput.parse({ taskId: one.id, repositories: [{ repository: "ada/a" }], ...given }), tasks);
const refusal = (given: Given): CcrError => {
  try {
    plan(given);
  } catch (error) {
    if (error instanceof CcrError) return error;
    throw error;
  }
  throw new Error("it was not refused");
};
const repositories = (...names: string[]) => names.map((repository) => ({ repository }));

test("members are each repository with each variant, as often as there are attempts", () => {
  const planned = plan({
    repositories: [{ repository: "ada/a" }, { repository: "https://example.test/b.git", ref: "next" }],
    variants: [{ model: "small" }, { model: "large", taskId: two.id }],
    attempts: 2,
    limits: { turns: 7 },
    priority: 3,
  });
  expect(planned).toMatchObject({ name: "one", groups: 2, attempts: 2, maxConcurrent: null });
  expect(
    planned.members.map(({ run, ...part }) => [
      part.group,
      run.repository,
      run.ref,
      part.variant,
      run.model,
      run.task.name,
      part.attempt,
    ]),
  ).toEqual([
    [1, "ada/a", null, "small", "small", "one", 1],
    [1, "ada/a", null, "small", "small", "one", 2],
    [1, "ada/a", null, "two · large", "large", "two", 1],
    [1, "ada/a", null, "two · large", "large", "two", 2],
    [2, "https://example.test/b.git", "next", "small", "small", "one", 1],
    [2, "https://example.test/b.git", "next", "small", "small", "one", 2],
    [2, "https://example.test/b.git", "next", "two · large", "large", "two", 1],
    [2, "https://example.test/b.git", "next", "two · large", "large", "two", 2],
  ]);
  expect(planned.members[0]?.run).toMatchObject({ limits: { turns: 7 }, priority: 3 });
});

test("every member has the same repositories beside its own, which none of them may be itself", () => {
  const beside = { repository: "ada/web", ref: "next" };
  const { members } = plan({ repositories: repositories("ada/a", "ada/b"), additionalRepositories: [beside], attempts: 2 });
  expect(members.map(({ run }) => [run.repository, run.directory, run.additionalRepositories])).toEqual(
    ["a", "a", "b", "b"].map((name) => [`ada/${name}`, name, [{ ...beside, directory: "web" }]]),
  );
  expect(refusal({ repositories: repositories("ada/a", "ada/web"), additionalRepositories: [beside] }).message).toContain(
    "'ada/web' is named twice",
  );
  expect(
    refusal({ repositories: repositories("ada/a", "ada/web", "not one"), additionalRepositories: [beside] }).message,
  ).toMatch(/2 of the 3 cannot be used.*2\. 'ada\/web': .*is named twice.*3\. 'not one': /);
  expect(plan().members[0]?.run).toMatchObject({ directory: null, additionalRepositories: [] });
});

describe("variants", () => {
  const labels = (variants: Given["variants"]) => plan({ variants }).variants.map(({ label }) => label);

  test("are called by what tells them apart, and by nothing where there is one", () => {
    expect(labels([{}])).toEqual([""]);
    expect(labels([{ model: "m" }])).toEqual(["m"]);
    expect(labels([{}, { model: "m" }, { taskId: two.id }, { taskId: twin.id }])).toEqual(["default", "m", "two", "two (2)"]);
    expect(labels([{ label: "mine" }, { model: "m" }])).toEqual(["mine", "m"]);
  });

  test("that are the same twice, or called the same, are refused", () => {
    expect(refusal({ variants: [{ model: "m" }, {}, { model: "m", label: "again" }] }).message).toContain(
      "variants: number 3 has the same task and model as number 1",
    );
    expect(refusal({ variants: [{}, { taskId: one.id }] }).message).toContain("number 2 has the same task");
    expect(refusal({ variants: [{ label: "x" }, { model: "m", label: "x" }] }).message).toContain("label that another one has");
  });

  test("of a task that is not there are not found", () => {
    const gone = TaskId.parse("task_9999999999");
    expect(refusal({ variants: [{ taskId: gone }] })).toMatchObject({
      code: "not_found",
      message: expect.stringContaining(gone),
    });
    expect(refusal({ taskId: gone })).toMatchObject({ code: "not_found" });
    expect(
      tasksOf(CreateBatchInput.parse({ taskId: one.id, repositories: repositories("a/b"), variants: [{ taskId: two.id }] })),
    ).toEqual([one.id, two.id]);
  });
});

describe("repositories", () => {
  test("that cannot be used are all named at once, with those that are there twice", () => {
    const { code, message } = refusal({
      repositories: repositories(
        "ada/a",
        "nonsense",
        "https://github.com/ada/a/",
        "",
        "https://user:secret@example.test/x",
        "x".repeat(3000),
        "ada/b",
      ),
    });
    expect(code).toBe("bad_request");
    expect(message).toMatch(/^repositories: 5 of the 7 cannot be used, and nothing was launched\. /);
    for (const part of [
      "2. 'nonsense': this is neither",
      "3. 'https://github.com/ada/a/': it is the same as number 1",
      "4. '':",
      "5. '",
      "6. 'xxx",
    ])
      expect(message).toContain(part);
    expect(message.length).toBeLessThan(1500);
  });

  test("with another ref are others", () => {
    expect(plan({ repositories: [{ repository: "ada/a" }, { repository: "ada/a", ref: "next" }] }).groups).toBe(2);
  });
});

describe("the size of a batch", () => {
  const refused = (given: Given): string => {
    const parsed = CreateBatchInput.safeParse({ taskId: one.id, repositories: repositories("a/b"), ...given });
    return parsed.success ? "" : parsed.error.issues.map(({ message }) => message).join("; ");
  };
  const many = (count: number) => repositories(...Array.from({ length: count }, (_, n) => `ada/${n}`));

  test("is at most a thousand runs, however they come about", () => {
    expect(refused({ repositories: many(1000) })).toBe("");
    expect(refused({ repositories: many(1001) })).toContain("at most 1,000 repositories");
    expect(refused({ repositories: many(77), attempts: 13 })).toBe(
      "77 repositories × 1 variant × 13 attempts are 1,001 runs; a batch has at most 1,000",
    );
    expect(refused({ attempts: 21 })).toBe("must be at most 20");
    expect(refused({ repositories: [] })).toContain("at least one repository");
    expect(refused({ maxConcurrent: 0 })).toBe("must be at least 1");
  });

  test("is bounded by what its copies of the steps take", () => {
    const long = task("long", "x".repeat(200_000));
    const input = CreateBatchInput.parse({ taskId: long.id, repositories: many(500) });
    expect(() => planBatch(input, new Map([[long.id, long]]))).toThrow("too long for so many runs");
  });
});

test("the same request reads the same, in whatever order its fields came, and any other differs", () => {
  const text = (given: Given) => JSON.stringify(plan(given).request);
  expect(text({ limits: { turns: 1, cpus: 1 } })).toBe(text({ limits: { cpus: 1, turns: 1 } }));
  const all = [
    {},
    { name: "x" },
    { attempts: 2 },
    { priority: 1 },
    { maxConcurrent: 1 },
    { variants: [{ model: "m" }] },
    { additionalRepositories: [{ repository: "a/x" }] },
  ];
  expect(new Set(all.map(text)).size).toBe(all.length);
});

describe("parameters and defaults of tasks", () => {
  const text = (name: string, required = true) => TaskParameter.parse({ type: "text", name, required });
  const asks = {
    ...one,
    steps: [{ instructions: "Do {{a}}", checks: "" }],
    parameters: [text("a"), text("b", false)],
    defaults: { repository: "ada/a", ref: "dev", model: "opus", limits: { turns: 7 }, network: "packages" as const },
  };
  const other = { ...two, steps: [{ instructions: "Say {{a}}", checks: "" }], parameters: [text("a")] };
  const known = new Map([asks, other].map((each) => [each.id, each]));
  const planOf = (given: Given) =>
    planBatch(
      CreateBatchInput.parse({ taskId: asks.id, repositories: [{ repository: "ada/a" }, { repository: "ada/b" }], ...given }),
      known,
    );

  test("are the same for all runs, each task taking what it has", () => {
    const { members, request } = planOf({ variants: [{}, { taskId: other.id, model: "haiku" }], parameters: { a: "x", b: "y" } });
    expect(
      members.map(({ run }) => [run.task.steps[0]?.instructions, run.parameters, run.ref, run.model, run.limits.turns]),
    ).toEqual([
      ["Do x", { a: "x", b: "y" }, "dev", "opus", 7],
      ["Say x", { a: "x" }, null, "haiku", 500],
      ["Do x", { a: "x", b: "y" }, null, "opus", 7],
      ["Say x", { a: "x" }, null, "haiku", 500],
    ]);
    expect(request).toMatchObject({
      parameters: [
        ["a", "x"],
        ["b", "y"],
      ],
    });
  });

  test("that are missing, or for no task, are refused by their names", () => {
    const refused = (given: Given): string => {
      try {
        planOf(given);
      } catch (error) {
        return error instanceof CcrError ? error.message : "";
      }
      return "";
    };
    expect(refused({})).toBe("parameters.a: is missing: give a value.");
    expect(refused({ parameters: { a: "x", c: "z" } })).toContain(
      "parameters.c: no task of this batch has a parameter of this name; there are a, b",
    );
  });
});
