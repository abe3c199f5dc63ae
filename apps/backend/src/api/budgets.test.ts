import type { DayBudget, SetBudgetsInput } from "@ccr/protocol";
import { expect, it } from "vitest";
import { noContext } from "./testing/no-context.ts";
import { serveHttp } from "./testing/serve.ts";

const TODAY: DayBudget = {
  dayUsd: null,
  zone: "UTC",
  from: "2026-11-27T00:00:00.000Z",
  to: "2026-11-28T00:00:00.000Z",
  spentUsd: 1,
  isUsedUp: false,
};

it("tells the day's budget, and takes one that is a sum of money in a zone that there is, or none", async () => {
  const asked: SetBudgetsInput[] = [];
  await using server = await serveHttp({
    context: {
      overview: {
        ...noContext.overview,
        budgets: async () => TODAY,
        setBudgets: async (input) => {
          asked.push(input);
          return { ...TODAY, dayUsd: input.dayUsd };
        },
      },
    },
  });
  const messageOf = async (input: unknown): Promise<unknown> => {
    const { status, body } = await server.mutate("server.setBudgets", input);
    return [status, JSON.parse(body).error?.message];
  };
  expect(JSON.parse((await server.query("server.budgets")).body).result.data).toEqual(TODAY);
  expect(await messageOf({ dayUsd: 0 })).toEqual([400, expect.stringContaining("dayUsd: must be between 0.01 and 100,000")]);
  expect(await messageOf({ dayUsd: "20" })).toEqual([400, "dayUsd: must be a number of US dollars, or null"]);
  expect(await messageOf({ dayUsd: 20, zone: "Mars/Olympus" })).toEqual([400, expect.stringContaining("zone: is no time zone")]);
  expect(await messageOf({})).toEqual([400, expect.stringContaining("dayUsd: ")]);
  expect(asked).toEqual([]);
  for (const input of [{ dayUsd: 20, zone: "Europe/Berlin" }, { dayUsd: null }])
    expect((await server.mutate("server.setBudgets", input)).status).toBe(200);
  expect(asked).toEqual([{ dayUsd: 20, zone: "Europe/Berlin" }, { dayUsd: null }]);
});
