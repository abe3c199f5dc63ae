import type { AppRouter } from "@ccr/backend/router";
import { CcrError, InputId, type Run, type RunId, type RunInput } from "@ccr/protocol";
import type { inferRouterContext } from "@trpc/server";

type Talk = inferRouterContext<AppRouter>["talk"];

/** What was said to runs, in memory: nobody takes it to an agent. */
export const memoryTalk = (getRun: (id: RunId) => Run): Talk => {
  const said: RunInput[] = [];
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
    say: async ({ id, text }) => ({ kind: "queued", input: add(id, { kind: "prompt", text }) }),
    list: async (id) => said.filter(({ runId }) => runId === id),
    edit: async ({ inputId, revision, text }) => change(inputId, { body: { kind: "prompt", text }, revision: revision + 1 }),
    withdraw: async ({ inputId }) => change(inputId, { state: "withdrawn" }),
    interrupt: async (id) => add(id, { kind: "interrupt" }),
    answer: async ({ id, questionId, answer }) => add(id, { kind: "answer", questionId, answer }),
    configure: async ({ id, ...body }) => add(id, { kind: "configure", ...body }),
    async *draft() {},
  };
};
