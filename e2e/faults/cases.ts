import { setTimeout as delay } from "node:timers/promises";
import type { Finding } from "./findings.ts";
import { describeFindings } from "./findings.ts";
import type { Launched, SettleOptions, Trial } from "./trial.ts";

/** Lets a disturbance last: there is no event that says that it was long enough. */
export const lasting = (ms: number): Promise<void> => delay(ms);

/** Waits for the ends of runs, takes the stack down, and throws an error that tells all that was wrong, and where the evidence is kept. */
export const expectNothingWrong = async (
  trial: Trial,
  runs: readonly Launched[],
  options: Partial<SettleOptions> = {},
): Promise<void> => {
  const settled = await Promise.all(
    runs.map((run) => trial.settle(run, { withinMs: 120_000, faultsAt: () => [Date.now()], ...options })),
  );
  const findings: Finding[] = [...settled.flatMap((each) => each.findings), ...(await trial.finish())];
  if (findings.length === 0) return;
  const report = describeFindings(findings).join("\n");
  throw new Error(`${report}\nWhat was seen is kept in ${trial.keepEvidence(report)}`);
};
