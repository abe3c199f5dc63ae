import type { AppRouter } from "@ccr/backend/router";
import { CcrError, type FollowUpInput, InputId, isFinal, type Run, type RunId, type RunInput } from "@ccr/protocol";
import type { inferRouterContext } from "@trpc/server";

type Talk = inferRouterContext<AppRouter>["talk"];

/** What was said to runs, in memory: nobody takes it to an agent. What is said to one that has ended is `goOn`'s. */
export const memoryTalk = (getRun: (id: RunId) => Run, goOn: (input: FollowUpInput) => Promise<Run>): Talk => {
  const said: RunInput[] = [];
  const byKey = new Map<string, RunInput>();
  const add = (runId: RunId, body: RunInput["body"]): RunInput => {
    getRun(runId);
    const id = InputId.parse(`input_${String(said.length + 1).padStart(10, "0")}`);
    const input: RunInput = { id, runId, body, state: "queued", revision: 1, createdAt: new Date().toISOString() };
    said.push(input);
    return input;
  };
  const change = (inputId: string, to: Partial<RunInput>): RunInput => {
    const index = said.findIndex(({ id, state }) => id === inputId && state === "queued");
    const found = said[index];
    if (found === undefined) throw new CcrError("conflict", "Claude Code has been told this already.");
    const changed = { ...found, ...to };
    said[index] = changed;
    return changed;
  };
  return {
    say: async ({ id, text, idempotencyKey }) => {
      const key = idempotencyKey === undefined ? {} : { idempotencyKey };
      if (isFinal(getRun(id).status)) return { kind: "launched", id: (await goOn({ id, instructions: text, ...key })).id };
      const input = byKey.get(`${id} ${idempotencyKey}`) ?? add(id, { kind: "prompt", text });
      if (idempotencyKey !== undefined) byKey.set(`${id} ${idempotencyKey}`, input);
      return { kind: "queued", input };
    },
    list: async (id) => said.filter(({ runId }) => runId === id),
    edit: async ({ inputId, revision, text }) => change(inputId, { body: { kind: "prompt", text }, revision: revision + 1 }),
    withdraw: async ({ inputId }) => change(inputId, { state: "withdrawn" }),
    interrupt: async (id) => add(id, { kind: "interrupt" }),
    answer: async ({ id, questionId, answer }) => add(id, { kind: "answer", questionId, answer }),
    configure: async ({ id, ...body }) => add(id, { kind: "configure", ...body }),
    async *draft() {},
  };
};
