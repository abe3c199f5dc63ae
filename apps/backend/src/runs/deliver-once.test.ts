import { type Delivered, DeliverySettings, type Run, RunLimits, ServerId } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { openSqliteStore } from "../store/sqlite.ts";
import { systemClock } from "./clock.ts";
import { cutShort, deliverOnce, followedNoMore } from "./deliver-once.ts";
import type { Outlet } from "./deps.ts";

type Push = Awaited<ReturnType<Outlet["push"]>>;
type Proposed = Awaited<ReturnType<Outlet["propose"]>>;
const signal = new AbortController().signal;

/** A run of three repositories, and hosts that answer as they are told. */
const place = async (delivery: Partial<DeliverySettings> = {}) => {
  const store = await openSqliteStore({ path: ":memory:" });
  const task = await store.tasks.create({ name: "T", steps: [{ instructions: "x", checks: "" }], allowNoChanges: false });
  const settings = DeliverySettings.parse({ to: "pull_request", branch: "work", base: "next", ...delivery });
  const beside = (name: string) => ({ repository: `a/${name}`, ref: null, directory: name });
  const create = async (change: Partial<Pick<Run, "continues">> = {}): Promise<Run> => {
    const { run } = await store.runs.create({
      task,
      repository: "a/api",
      ref: "next",
      directory: "api",
      additionalRepositories: [beside("web"), beside("docs")],
      model: null,
      limits: RunLimits.parse({}),
      priority: 0,
      delivery: settings,
      continues: null,
      idempotencyKey: null,
      ...change,
    });
    return run;
  };
  const pushes = new Map<string, Push | "throws">();
  const proposals = new Map<string, Proposed>();
  const asked: string[] = [];
  /** What was told on the way. */
  const known: (Delivered | null)[][] = [];
  const bases: Record<string, string | null> = {};
  const bodies = new Map<string, string>();
  const numbers = new Map<string, number>();
  const outlet: Outlet = {
    push: async ({ repository, directory }, { base, from }) => {
      asked.push(`push ${directory} from ${from}`);
      bases[repository] = base;
      const answer = pushes.get(repository);
      if (answer === "throws") throw new Error("The bundle is damaged: s3cret.");
      return answer ?? { kind: "pushed", commit: repository.padEnd(40, "0"), base: base ?? "main" };
    },
    propose: async ({ repository }, { body, baseBranch }) => {
      asked.push(`propose ${repository} for ${baseBranch}`);
      bodies.set(repository, body);
      const number = numbers.get(repository) ?? numbers.size + 1;
      numbers.set(repository, number);
      return proposals.get(repository) ?? { kind: "open", number, url: `https://host.test/${repository}/${number}`, notes: [] };
    },
    withdraw: async () => {},
    author: { name: "Robot", email: "robot@example.test" },
    linkTo: (id) => `https://runner.test/runs/${id}`,
    hide: (text) => text.replaceAll("s3cret", "***"),
  };
  const deliver = async (run: Run) => {
    asked.length = 0;
    known.length = 0;
    const done = await deliverOnce(
      { deps: { outlet, clock: systemClock }, stores: store },
      { run, settings, outcome: "ok" },
      {
        progress: async (deliveries) => {
          known.push([deliveries.delivered, ...deliveries.additionalRepositories.map((each) => each.delivered)]);
        },
        signal,
      },
    );
    const { deliveries } = done;
    return {
      ...done,
      run: { ...run, ...deliveries },
      all: [deliveries.delivered, ...deliveries.additionalRepositories.map((each) => each.delivered)],
    };
  };
  return {
    store,
    create,
    deliver,
    pushes,
    proposals,
    asked,
    known,
    bases,
    bodies,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
};

const states = (all: (Delivered | null)[]) => all.map((each) => each?.state ?? null);

describe("a result in several repositories", () => {
  it("is a request in each that was changed, and every one names the others", async () => {
    await using at = await place();
    at.pushes.set("a/docs", { kind: "unchanged" });
    const run = await at.create();
    const { all, problem } = await at.deliver(run);
    expect(problem).toBeNull();
    expect(states(all)).toEqual(["delivered", "delivered", null]);
    expect(at.asked).toEqual([
      "push api from next",
      "push web from null",
      "push docs from null",
      "propose a/api for next",
      "propose a/web for main",
      "propose a/api for next",
    ]);
    expect(at.bodies.get("a/api")).toContain("### Belongs together with\n\n- `a/web`: https://host.test/a/web/2\n");
    expect(at.bodies.get("a/web")).toContain("- `a/api`: https://host.test/a/api/1\n");
    expect(at.bodies.get("a/api")).not.toContain("- `a/api`");
    // The base that is asked for is a branch of the first repository.
    expect(at.bases).toEqual({ "a/api": "next", "a/web": null, "a/docs": null });
  });

  it("has no request anywhere until every branch is there, and names which one is not", async () => {
    await using at = await place();
    at.pushes.set("a/web", { kind: "failed", again: true, message: "It is away: s3cret.", commit: null });
    const first = await at.deliver(await at.create());
    expect(first).toMatchObject({ problem: "a/web: It is away: ***.", again: true });
    expect(states(first.all)).toEqual(["delivered", "failed", "delivered"]);
    expect(at.asked.filter((what) => what.startsWith("propose"))).toEqual([]);
    at.pushes.set("a/docs", { kind: "failed", again: false, message: "Protected.", commit: null });
    expect(await at.deliver(first.run)).toMatchObject({ problem: "a/web: It is away: ***. a/docs: Protected.", again: false });
    at.pushes.clear();
    const last = await at.deliver(first.run);
    expect(states(last.all)).toEqual(["delivered", "delivered", "delivered"]);
    expect(last.all.map((each) => each?.tries)).toEqual([2, 2, 2]);
    for (const [one, others] of [
      ["a/api", ["a/web", "a/docs"]],
      ["a/web", ["a/api", "a/docs"]],
      ["a/docs", ["a/api", "a/web"]],
    ] as const)
      for (const other of others) expect(at.bodies.get(one)).toContain(`- \`${other}\`: https://host.test/${other}/`);
  });

  it("is told the rest of when one request cannot be opened", async () => {
    await using at = await place();
    at.proposals.set("a/web", { kind: "failed", again: false, message: "Not allowed." });
    const { all, problem } = await at.deliver(await at.create());
    expect(problem).toBe("a/web: The branch 'work' is pushed, but no pull request could be opened: Not allowed.");
    expect(states(all)).toEqual(["delivered", "failed", "delivered"]);
    expect(all[1]).toMatchObject({ isPushed: true, pullRequest: null });
    expect(at.bodies.get("a/docs")).toContain("`a/api`");
    expect(at.bodies.get("a/docs")).not.toContain("`a/web`");
  });

  it("asks each host once when all requests are known", async () => {
    await using at = await place();
    const { run } = await at.deliver(await at.create());
    await at.deliver(run);
    expect(at.asked.filter((what) => what.startsWith("propose"))).toHaveLength(3);
  });

  it("that goes on from another one keeps what that delivered where it changes nothing", async () => {
    await using at = await place({ follow: { times: 1, checks: true, people: [] } });
    const root = await at.create();
    const claim = await at.store.queue.claimNext({ owner: ServerId.parse("srv_0000000001"), perRepository: null, perTask: null });
    const delivered = await at.deliver(root);
    expect(delivered.all.map((each) => each?.isFollowed)).toEqual([true, true, true]);
    const { delivered: first, additionalRepositories } = delivered.run;
    await at.store.runs.patch(root.id, claim?.fence ?? 0, { deliveries: { delivered: first, additionalRepositories } });
    const next = await at.create({
      continues: { runId: root.id, because: "checks", number: 1, lastComment: null, lastComments: {}, fromKept: [] },
    });
    for (const name of ["a/api", "a/docs"]) at.pushes.set(name, { kind: "unchanged" });
    const { all, problem } = await at.deliver(next);
    expect(problem).toBeNull();
    expect(all[0]).toEqual({ ...delivered.all[0], isFollowed: false });
    expect(all[1]).toMatchObject({ state: "delivered", tries: 1, pullRequest: { number: 2 } });
    expect(at.bases["a/web"]).toBe("main");
    expect(at.asked.filter((what) => what.startsWith("propose"))).toEqual(["propose a/web for main"]);
    expect(at.bodies.get("a/web")).toContain("`a/docs`");
    for (const name of ["a/web"]) at.pushes.set(name, { kind: "unchanged" });
    expect((await at.deliver(next)).problem).toContain("There is nothing to push");
  });

  it("is on record as soon as it is there, and as what is not done, whatever ends the rest", async () => {
    await using at = await place();
    at.pushes.set("a/web", "throws");
    const { all, problem } = await at.deliver(await at.create());
    expect(problem).toBe("a/web: The bundle is damaged: ***.");
    expect(states(all)).toEqual(["delivered", "failed", "delivered"]);
    const facts = at.known.map((each) => each.map((one) => [one?.state, one?.isPushed]));
    expect(facts).toEqual([
      [
        ["pushing", true],
        [undefined, undefined],
        [undefined, undefined],
      ],
      [
        ["pushing", true],
        ["pushing", false],
        [undefined, undefined],
      ],
    ]);
    at.pushes.clear();
    await at.deliver(await at.create());
    expect(at.known.at(-1)?.map((one) => [one?.state, one?.pullRequest?.number])).toEqual([
      ["pushing", 1],
      ["pushing", 2],
      ["pushing", 3],
    ]);
    const [first = null] = at.known.at(-1) ?? [];
    expect(cutShort({ delivered: first, additionalRepositories: [] }, "It was canceled.").delivered).toEqual({
      ...first,
      state: "failed",
      problem: "It was canceled.",
    });
  });

  it("keeps what a host said when it opened a request, and links to requests that were opened anew", async () => {
    await using at = await place();
    at.pushes.set("a/docs", { kind: "unchanged" });
    at.proposals.set("a/api", {
      kind: "open",
      number: 1,
      url: "https://host.test/a/api/1",
      notes: ["Bob is not known: s3cret."],
    });
    const run = await at.create();
    const first = await at.deliver(run);
    // It was brought up to date since, and that has no notes.
    expect(at.asked.filter((what) => what === "propose a/api for next")).toHaveLength(2);
    expect(first.all[0]?.notes).toEqual(["Bob is not known: ***."]);
    at.proposals.set("a/api", { kind: "open", number: 7, url: "https://host.test/a/api/7", notes: [] });
    at.proposals.set("a/web", { kind: "open", number: 8, url: "https://host.test/a/web/8", notes: [] });
    const again = await at.deliver(first.run);
    expect(again.all.map((each) => each?.pullRequest?.number)).toEqual([7, 8, undefined]);
    expect(at.bodies.get("a/api")).toContain("https://host.test/a/web/8");
    expect(at.bodies.get("a/api")).not.toContain("https://host.test/a/web/2");
    expect(at.bodies.get("a/web")).toContain("https://host.test/a/api/7");
  });

  it("that goes on over one that changed nothing knows what is in the others, and forgets what failed before", async () => {
    await using at = await place();
    const goOn = (from: Run) =>
      at.create({
        continues: { runId: from.id, because: "person", number: 0, lastComment: null, lastComments: {}, fromKept: [] },
      });
    const root = await at.create();
    const claim = await at.store.queue.claimNext({
      owner: ServerId.parse("srv_0000000001"),
      perRepository: null,
      perTask: null,
    });
    at.proposals.set("a/docs", { kind: "failed", again: false, message: "Not allowed." });
    const { run: delivered } = await at.deliver(root);
    const { delivered: first, additionalRepositories } = delivered;
    expect(additionalRepositories[1]?.delivered).toMatchObject({ state: "failed", isPushed: true });
    await at.store.runs.patch(root.id, claim?.fence ?? 0, { deliveries: { delivered: first, additionalRepositories } });
    const idle = await goOn(root);
    at.proposals.clear();
    for (const name of ["a/web", "a/docs"]) at.pushes.set(name, { kind: "unchanged" });
    const { all, problem } = await at.deliver(await goOn(idle));
    expect(problem).toBeNull();
    expect(states(all)).toEqual(["delivered", "delivered", "delivered"]);
    expect(all[2]).toMatchObject({ isPushed: true, problem: null, pullRequest: null });
    expect(at.bodies.get("a/api")).toContain("`a/web`");
  });

  it("is looked after no more all at once", async () => {
    await using at = await place({ follow: { times: 1, checks: true, people: [] } });
    const { run } = await at.deliver(await at.create());
    const { delivered, additionalRepositories } = followedNoMore(run, "That was it.");
    for (const each of [delivered, ...additionalRepositories.map((one) => one.delivered)])
      expect(each).toMatchObject({ isFollowed: false, notes: ["That was it."] });
  });
});
