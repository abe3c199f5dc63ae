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
  /** Processor time of the backend for each thousand messages, over the first tenth and the last, beyond what it takes for each second anyway. */
  cpuMsPerThousand: { first: number; last: number };
  /** Processor time of the backend for each second in which the model thinks, with little said before it, and with everything. */
  cpuMsPerSecond: { first: number; last: number };
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
/** So long the model thinks before its first answer and its last: long enough for a copy of the work. */
const THINKS_MS = 45_000;

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
            blocks: [{ type: "tool_use", name: "Bash", input: { command: "true", description: "Begin" } }],
            pace: { firstByteMs: THINKS_MS },
          },
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
          { blocks: [{ type: "text", text: "That is all." }], pace: { firstByteMs: THINKS_MS } },
        ],
      },
    ],
  });

/** One run of so many messages, watched live by one subscriber. */
export const soakMessages = async (options: {
  driver: DriverName;
  messages: number;
  /** Ends it before its time. */
  signal: AbortSignal;
  say: (line: string) => void;
}): Promise<MessagesFigures> => {
  const { driver, signal, say } = options;
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
  const marks: Mark[] = [];
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
    marks.push({ atMs: performance.now(), seq: seen, cpuMs: (await processFigures(pid)).cpuMs });
    await delay(LOOK_EVERY_MS, undefined, { signal });
  }
  await watching;
  const run = await server.untilFinal(id);
  if (run.status !== "succeeded") throw new Error(`the run ended as ${run.status}: ${run.sentence}`);
  const seconds = (performance.now() - startedAt) / 1000;
  const [firstTenth, lastTenth] = [marks.filter(({ seq }) => seq <= tenth), marks.filter(({ seq }) => seq >= seen - tenth)];
  const [thinksFirst, thinksLast] = [longestPause(firstTenth), longestPause(lastTenth)];
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
    cpuMsPerThousand: {
      first: cpuPerThousand(
        firstTenth.filter(({ atMs }) => atMs >= (thinksFirst.at(-1)?.atMs ?? 0)),
        perSecond(thinksFirst),
      ),
      last: cpuPerThousand(
        lastTenth.filter(({ atMs }) => atMs <= (thinksLast[0]?.atMs ?? 0)),
        perSecond(thinksLast),
      ),
    },
    cpuMsPerSecond: { first: two(perSecond(thinksFirst)), last: two(perSecond(thinksLast)) },
    lagMs: {
      first: quantile(lags.slice(0, tenth), 0.5),
      last: quantile(lags.slice(-tenth), 0.5),
      worst: Math.max(...lags.slice(100)),
    },
    pageMs: { median: two(quantile(pages, 0.5)), slowest: two(quantile(pages, 1)), first: two(first) },
    backendPeakMb: (await processFigures(pid)).peakMb,
  };
};

type Mark = { atMs: number; seq: number; cpuMs: number };

/** The longest stretch in which nothing was said. Pure. */
const longestPause = (marks: readonly Mark[]): Mark[] => {
  let longest: Mark[] = [];
  let current: Mark[] = [];
  for (const mark of marks) {
    if (current[0]?.seq === mark.seq) current.push(mark);
    else current = [mark];
    if (took(current) > took(longest)) longest = current;
  }
  return longest;
};

const took = (marks: readonly Mark[]): number => (marks.at(-1)?.atMs ?? 0) - (marks[0]?.atMs ?? 0);

const cpuIn = (marks: readonly Mark[]): number => (marks.at(-1)?.cpuMs ?? 0) - (marks[0]?.cpuMs ?? 0);

const perSecond = (marks: readonly Mark[]): number => (cpuIn(marks) / took(marks)) * 1000;

/** Beyond what it takes for each second anyway. Pure. */
const cpuPerThousand = (marks: readonly Mark[], anywayPerSecond: number): number => {
  const messages = (marks.at(-1)?.seq ?? 0) - (marks[0]?.seq ?? 0);
  return Math.round(((cpuIn(marks) - (took(marks) / 1000) * anywayPerSecond) / messages) * 1000);
};

const inTurn = async <Result>(times: number, act: () => Promise<Result>): Promise<Result[]> => {
  const results: Result[] = [];
  for (let left = times; left > 0; left--) results.push(await act());
  return results;
};
