import { setTimeout as delay } from "node:timers/promises";
import { parseScenario, type Scenario, startScriptedModel } from "@ccr/scripted-model";
import { createGitRepository, temporaryFolder, waitFor } from "@ccr/testkit";
import type { DriverName } from "../src/drivers.ts";
import { startServer, subscribe } from "../src/server.ts";
import { processFigures, quantile } from "./figures.ts";
import { seededRandom } from "./random.ts";

export type MessagesFigures = {
  messages: number;
  seconds: number;
  perSecond: number;
  /** Processor time of the backend for each thousand messages, over the first tenth and the last. */
  cpuMsPerThousand: { first: number; last: number };
  /** From the moment at which the executor wrote a message down until a live subscriber had it. */
  lagMs: { first: number; last: number; worst: number };
  /** A page of 200 messages from a random place, and from the beginning. */
  pageMs: { median: number; slowest: number; first: number };
  backendPeakMb: number;
};

const PER_ANSWER = 400;
const PAGES = 200;
const PAGE = 200;
const LOOK_EVERY_MS = 20;

/** Answers of many short texts, each of which becomes a message; a tool call at the end of each brings the next. */
const talkative = (answers: number): Scenario =>
  parseScenario({
    name: "talkative",
    // It would begin to sum up the conversation otherwise.
    inputTokens: 1_000,
    rules: [
      {
        turns: [
          {
            blocks: [
              ...Array.from({ length: PER_ANSWER }, (_, index) => ({
                type: "text" as const,
                text: `Line ${index} of what there is to say.`,
              })),
              { type: "tool_use", name: "Bash", input: { command: "true", description: "Go on" } },
            ],
            repeat: answers,
          },
          { blocks: [{ type: "text", text: "That is all." }] },
        ],
      },
    ],
  });

/** One run of so many messages, watched live by one subscriber. */
export const soakMessages = async (options: {
  driver: DriverName;
  messages: number;
  say: (line: string) => void;
}): Promise<MessagesFigures> => {
  const { driver, say } = options;
  await using folder = await temporaryFolder();
  await using model = await startScriptedModel({ scenario: talkative(Math.ceil(options.messages / PER_ANSWER)), recordLimit: 1 });
  await using repository = await createGitRepository({ path: folder.join("repositories", "soak"), files: { a: "a\n" } });
  await using server = await startServer({
    dataDir: folder.join("data"),
    driver,
    modelUrl: model.url,
    localRepositories: [folder.join("repositories")],
  });
  const { client } = server;
  const pid = server.process.pid ?? 0;
  const task = await client.tasks.create.mutate({ name: "Talk", steps: [{ instructions: "Talk.", checks: "" }] });
  const startedAt = performance.now();
  const { id } = await client.runs.create.mutate({ taskId: task.id, repository: repository.path, limits: { turns: 10_000 } });
  const tenth = Math.floor(options.messages / 10);
  const marks: { seq: number; cpuMs: number }[] = [];
  const lags: number[] = [];
  let seen = 0;
  let ended = false;
  const watching = (async () => {
    for await (const message of subscribe(server, id, null)) {
      if (message.seq !== seen + 1) throw new Error(`message ${message.seq} came after ${seen}`);
      seen = message.seq;
      lags.push(Date.now() - Date.parse(message.at));
      if (seen % 10_000 === 0) say(`${seen} messages after ${Math.round((performance.now() - startedAt) / 1000)} s`);
    }
  })().finally(() => {
    ended = true;
  });
  while (!ended) {
    marks.push({ seq: seen, cpuMs: (await processFigures(pid)).cpuMs });
    await delay(LOOK_EVERY_MS);
  }
  await watching;
  const run = await server.untilFinal(id);
  if (run.status !== "succeeded") throw new Error(`the run ended as ${run.status}: ${run.sentence}`);
  const seconds = (performance.now() - startedAt) / 1000;
  const cpuOf = (from: number, to: number): number => {
    const within = marks.filter(({ seq }) => seq >= from && seq <= to);
    const [first, last] = [within[0], within.at(-1)];
    if (first === undefined || last === undefined || last.seq === first.seq) return 0;
    return Math.round(((last.cpuMs - first.cpuMs) / (last.seq - first.seq)) * 1000);
  };
  const random = seededRandom(1);
  const page = async (after: number): Promise<number> => {
    const askedAt = performance.now();
    const found = await waitFor(() => client.runs.messages.query({ id, after, limit: PAGE }));
    if (found[0]?.seq !== after + 1) throw new Error(`the page after ${after} begins with ${found[0]?.seq}`);
    return performance.now() - askedAt;
  };
  const first = quantile(await inTurn(20, () => page(0)), 0.5);
  const pages = await inTurn(PAGES, () => page(Math.floor(random.between(0, seen - PAGE))));
  const two = (ms: number) => Math.round(ms * 100) / 100;
  return {
    messages: seen,
    seconds: Math.round(seconds),
    perSecond: Math.round(seen / seconds),
    cpuMsPerThousand: { first: cpuOf(1, tenth), last: cpuOf(seen - tenth, seen) },
    lagMs: {
      first: quantile(lags.slice(0, tenth), 0.5),
      last: quantile(lags.slice(-tenth), 0.5),
      worst: Math.max(...lags.slice(100)),
    },
    pageMs: { median: two(quantile(pages, 0.5)), slowest: two(quantile(pages, 1)), first: two(first) },
    backendPeakMb: (await processFigures(pid)).peakMb,
  };
};

const inTurn = async <Result>(times: number, act: () => Promise<Result>): Promise<Result[]> => {
  const results: Result[] = [];
  for (let left = times; left > 0; left--) results.push(await act());
  return results;
};
