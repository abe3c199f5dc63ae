import { setTimeout as delay } from "node:timers/promises";
import { byGravity, describeFindings, type Finding } from "./findings.ts";
import { createInjector, describeFault, type EngineControl, type Fault } from "./injector.ts";
import { CannotStartError } from "./life.ts";
import { planFault } from "./plan.ts";
import type { PartName } from "./processes.ts";
import { startTrial, type Trial, type TrialOptions } from "./trial.ts";

export type CampaignOptions = TrialOptions & {
  kills: number;
  /** Every so many faults, one is a freeze; 0: none is. */
  freezeEvery: number;
  parts: readonly PartName[];
  runsAtOnce: number;
  /** Needed where the engine is one of the parts. */
  control?: EngineControl;
  /** The faults stop after this time, whether or not there were enough. */
  limitMs: number;
  /** Between two faults, at most. */
  pauseMs: number;
  say?: (line: string) => void;
  /** Ends it before its time, with everything taken down. */
  signal?: AbortSignal;
};

export type CampaignResult = {
  findings: Finding[];
  history: readonly Fault[];
  kills: number;
  runs: number;
  messages: number;
  tookMs: number;
  /** From the only server's return to the next progress of a run that was going on. */
  pickUpsMs: readonly number[];
  /** The longest that a run stood still, whatever was done meanwhile. */
  longestStillMs: number;
  /** How often a server took up a run that nobody drove, as the servers tell. */
  takenUp: number;
  /** How often a server found that another one drives its run. */
  lockedOut: number;
  /** Starts of a server that ended with an error because another part was killed meanwhile; they were tried again. */
  failedStarts: number;
  /** All of it for people: the seed, what was found and what was done. */
  report: string;
  /** Where everything that was seen is kept; null: nothing was wrong. */
  evidence: string | null;
};

// Without faults a run takes some 20 s; after the last fault it has this long to end.
const RUN_WITHIN_MS = 240_000;

/** Runs go on, several at once, while parts of the stack are killed; every run is judged in the end. Resolves also when much is wrong. */
export const runCampaign = async (options: CampaignOptions): Promise<CampaignResult> => {
  const { seed, driver, database = "sqlite", servers = 1, kills, parts, runsAtOnce, limitMs, control = null, signal } = options;
  const { say = () => {} } = options;
  await using trial = await startTrial(options);
  const injector = createInjector({ trial, engine: control });
  const startedAt = performance.now();
  const findings: Finding[] = [];
  const faultsOver = new AbortController();
  const killed = () => injector.history.filter(({ what }) => what.kind === "killed").length;
  const given = Promise.withResolvers<never>();
  signal?.addEventListener("abort", () => {
    faultsOver.abort();
    given.reject(signal.reason);
  });
  let runs = 0;
  let messages = 0;

  const keepLaunching = async (): Promise<void> => {
    while (!faultsOver.signal.aborted) {
      const launched = await trial.launch();
      runs++;
      const found = await trial.settle(launched, {
        withinMs: RUN_WITHIN_MS,
        undisturbed: faultsOver.signal,
        faultsAt: () => injector.feltBy(launched.mark, launched.launchedAt),
      });
      messages += found.messages;
      findings.push(...found.findings);
      const how = found.findings.length === 0 ? "as it should" : found.findings.map(({ kind }) => kind).join(", ");
      say(
        `${launched.mark} ended after ${Math.round((performance.now() - launched.launchedAt) / 1000)} s, ${found.messages} messages: ${how}`,
      );
    }
  };
  const keepKilling = async (): Promise<void> => {
    for (let n = 1; killed() < kills && performance.now() - startedAt < limitMs && !faultsOver.signal.aborted; n++) {
      const planned = planFault(options, n);
      await delay(planned.pauseMs);
      const fault = await injector.apply(planned);
      say(fault === null ? `${String(n).padStart(4)}  nothing of ${planned.order.join(", ")} ran` : describeFault(fault));
    }
  };
  try {
    const work = Promise.all(Array.from({ length: runsAtOnce }, keepLaunching));
    const attack = keepKilling().finally(() => faultsOver.abort());
    await Promise.race([Promise.all([attack, work, attack.then(() => injector.settled())]), injector.failed, given.promise]);
  } catch (error) {
    faultsOver.abort();
    if (!(error instanceof CannotStartError)) throw error;
    findings.push({ kind: "crashed", run: null, text: `a server cannot be started: ${error.message.slice(-1500)}` });
  }
  findings.push(...(await finish(trial)));
  const { lives } = trial.servers;
  const told = (text: string) => lives.reduce((sum, life) => sum + life.printed().split(text).length - 1, 0);
  const result = {
    findings: byGravity(findings),
    history: injector.history,
    kills: killed(),
    runs,
    messages,
    tookMs: performance.now() - startedAt,
    pickUpsMs: trial.progress.pickUps(),
    longestStillMs: trial.progress.longestStillMs(),
    takenUp: told("a run that nobody drove is taken up"),
    lockedOut: told("another server drives this run now"),
    failedStarts: lives.reduce((sum, life) => sum + life.failedStarts(), 0),
  };
  const stack = `${driver}${servers === 1 ? "" : `, ${servers} servers`}${database === "postgres" ? " on PostgreSQL" : ""}`;
  const report = describeCampaign({ ...result, seed, stack, parts });
  return { ...result, report, evidence: findings.length === 0 ? null : trial.keepEvidence(report) };
};

const finish = (trial: Trial): Promise<Finding[]> =>
  trial.finish().catch((error: unknown): Finding[] => [{ kind: "crashed", run: null, text: `at the end: ${String(error)}` }]);

const describeCampaign = (
  campaign: Omit<CampaignResult, "report" | "evidence"> & { seed: number; stack: string; parts: readonly PartName[] },
): string => {
  const { seed, stack, parts, findings, history, kills, runs, messages, tookMs, pickUpsMs, failedStarts } = campaign;
  const { longestStillMs, takenUp, lockedOut } = campaign;
  const count = (part: PartName) => history.filter((fault) => fault.part === part && fault.what.kind === "killed").length;
  const frozen = history.length - kills;
  const sorted = pickUpsMs.toSorted((a, b) => a - b);
  const seconds = (ms: number | undefined) => `${((ms ?? 0) / 1000).toFixed(1)} s`;
  return [
    `seed ${seed}, ${stack}: ${kills} kills (${parts.map((part) => `${part} ${count(part)}`).join(", ")}) and ${frozen} freezes over ${runs} runs with ${messages} messages in ${seconds(tookMs)}`,
    ...(sorted.length === 0
      ? []
      : [
          `runs went on ${seconds(sorted[Math.floor(sorted.length / 2)])} after their server was back (median of ${sorted.length}; the slowest ${seconds(sorted.at(-1))})`,
        ]),
    `no run stood still for longer than ${seconds(longestStillMs)}; ${takenUp} times a run was taken up, ${lockedOut} times a server was locked out`,
    ...(failedStarts === 0 ? [] : [`${failedStarts} starts of a server failed because another part was killed meanwhile`]),
    ...(findings.length === 0 ? ["nothing lost, nothing doubled, no wrong outcome, nothing left"] : describeFindings(findings)),
    ...(findings.length === 0 ? [] : ["", "What was done:", ...history.map(describeFault)]),
  ].join("\n");
};
