import type { AppRouter } from "@ccr/backend/router";
import { TaskId } from "@ccr/protocol";
import { createTRPCClient, type TRPCLink } from "@trpc/client";
import { observable } from "@trpc/server/observable";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createAsking } from "./asking.ts";
import { describeError, isUnanswered } from "./errors.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1000 });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A client before a server that answers when it is told to. */
const start = () => {
  const asked: { path: string; answer: (data: unknown) => void; isOpen: boolean }[] = [];
  const server: TRPCLink<AppRouter> =
    () =>
    ({ op }) =>
      observable((observer) => {
        const request = {
          path: op.path,
          isOpen: true,
          answer: (data: unknown) => {
            observer.next({ result: { type: "data", data } });
            observer.complete();
          },
        };
        asked.push(request);
        return () => {
          request.isOpen = false;
        };
      });
  const report = vi.fn();
  const asking = createAsking({ report });
  return { asked, report, asking, client: createTRPCClient<AppRouter>({ links: [asking.link, server] }) };
};

const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value, error: null }),
    (error: unknown) => ({ value: null, error }),
  );

test("a query that nobody answers is given up at its deadline, and tells that the server is away", async () => {
  const { client, asked, report } = start();
  const query = settled(client.server.info.query());
  await vi.advanceTimersByTimeAsync(9_999);
  expect(report).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  const { error } = await query;
  expect(isUnanswered(error)).toBe(true);
  expect(describeError(error)).toContain("cannot be reached");
  expect(report.mock.calls).toEqual([["requests", false]]);
  expect(asked.map(({ isOpen }) => isOpen)).toEqual([false]);
});

test("a query that is slow where others are answered does not tell that the server is away", async () => {
  const { client, asked, report } = start();
  const slow = settled(client.tasks.list.query());
  await vi.advanceTimersByTimeAsync(20_000);
  void client.server.info.query();
  asked[1]?.answer({});
  await vi.advanceTimersByTimeAsync(10_000);
  const { error } = await slow;
  expect(isUnanswered(error)).toBe(false);
  expect(describeError(error)).toContain("within 30 seconds");
  expect(report).not.toHaveBeenCalledWith("requests", false);
});

test("a query that waits is asked anew, and what is answered to the first one then is not heard", async () => {
  const { client, asked, asking } = start();
  const query = settled(client.tasks.list.query());
  await vi.advanceTimersByTimeAsync(29_000);
  asking.askAnew();
  asked[0]?.answer("old");
  await vi.advanceTimersByTimeAsync(9_000);
  asked[1]?.answer("new");
  expect(await query).toEqual({ value: "new", error: null });
  asking.askAnew();
  expect(asked).toHaveLength(2);
});

test("after a sleep a query without an answer is soon asked once more, and then waited for as ever", async () => {
  const { client, asked, asking } = start();
  asking.askAnew();
  const query = settled(client.tasks.list.query());
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked.map(({ isOpen }) => isOpen)).toEqual([false, true]);
  await vi.advanceTimersByTimeAsync(29_000);
  expect(asked).toHaveLength(2);
  asked[1]?.answer("new");
  expect(await query).toEqual({ value: "new", error: null });
});

test("a deadline that a machine slept over is none", async () => {
  const { client, asked } = start();
  const query = settled(client.tasks.list.query());
  await vi.advanceTimersByTimeAsync(20_000);
  vi.setSystemTime(Date.now() + 3600_000);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toHaveLength(2);
  asked[1]?.answer("new");
  expect(await query).toEqual({ value: "new", error: null });
});

test("a mutation is never asked twice, and it is said that nobody knows whether it was done", async () => {
  const { client, asked, asking, report } = start();
  const mutation = settled(client.tasks.delete.mutate({ id: TaskId.parse("task_000000000000") }));
  await vi.advanceTimersByTimeAsync(50_000);
  asking.askAnew();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(describeError((await mutation).error)).toContain("not known whether this was done");
  expect(asked).toHaveLength(1);
  expect(report.mock.calls).toEqual([["requests", false]]);
});
