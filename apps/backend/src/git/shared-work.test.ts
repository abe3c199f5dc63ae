import { expect, test } from "vitest";
import { createSharedWork } from "./shared-work.ts";

const report = () => {};

/** Work that ends when the test says so. */
const controlled = () => {
  const started: { finish: (value: number) => void; fail: (error: Error) => void; signal: AbortSignal }[] = [];
  const work = (signal: AbortSignal) =>
    new Promise<number>((resolve, reject) => {
      started.push({ finish: resolve, fail: reject, signal });
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  return { started, work };
};
const settle = () => new Promise((resolve) => setImmediate(resolve));
const never = new AbortController().signal;

test("callers that come together share; those that come later share the next, which sees what is new", async () => {
  let clock = 0;
  const shared = createSharedWork<number>(() => clock, 1_000);
  const { started, work } = controlled();
  const run = () => shared.run("a", work, { report, signal: never });
  const early = [run(), run()];
  await settle();
  clock = 1_001;
  const late = [run(), run()];
  await settle();
  expect(started).toHaveLength(1);
  started[0]?.finish(1);
  expect(await Promise.all(early)).toEqual([1, 1]);
  await settle();
  expect(started).toHaveLength(2);
  started[1]?.finish(2);
  expect(await Promise.all(late)).toEqual([2, 2]);
});

test("a failure is everybody's who shares it, and nobody's afterwards", async () => {
  const shared = createSharedWork<number>(() => 0, 1_000);
  const { started, work } = controlled();
  const run = () => shared.run("a", work, { report, signal: never });
  const both = Promise.allSettled([run(), run()]);
  await settle();
  started[0]?.fail(new Error("no"));
  expect((await both).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  const again = run();
  await settle();
  started[1]?.finish(3);
  expect(await again).toBe(3);
});

test("work is aborted when the last of its callers has left; who comes then gets new work", async () => {
  const shared = createSharedWork<number>(() => 0, 1_000);
  const { started, work } = controlled();
  const [one, two] = [new AbortController(), new AbortController()];
  const runs = Promise.allSettled([one, two].map(({ signal }) => shared.run("a", work, { report, signal })));
  await settle();
  one.abort(new Error("one"));
  await settle();
  expect(started[0]?.signal.aborted).toBe(false);
  two.abort(new Error("two"));
  await settle();
  const fresh = shared.run("a", work, { report, signal: never });
  expect((await runs).map((each) => (each.status === "rejected" ? each.reason.message : ""))).toEqual(["one", "two"]);
  await settle();
  expect(started[0]?.signal.aborted).toBe(true);
  started[1]?.finish(4);
  expect(await fresh).toBe(4);
});

test("a caller that leaves while it waits for its turn keeps nobody from theirs", async () => {
  let clock = 0;
  const shared = createSharedWork<number>(() => clock, 0);
  const { started, work } = controlled();
  const first = shared.run("a", work, { report, signal: never });
  await settle();
  clock = 1;
  const leaving = new AbortController();
  const second = shared.run("a", work, { report, signal: leaving.signal });
  second.catch(() => {}); // awaited below
  leaving.abort(new Error("left"));
  const third = shared.run("a", work, { report, signal: never });
  started[0]?.finish(1);
  await expect(second).rejects.toThrow("left");
  expect(await first).toBe(1);
  await settle();
  started.at(-1)?.finish(3);
  expect(await third).toBe(3);
});
