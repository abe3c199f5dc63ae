import { type Attention, type AttentionRun, outcomeOf, type Run, type Spend, type SpendInput } from "@ccr/protocol";
import type { Store } from "../store/types.ts";

/** What the API may ask of all runs at once. */
export interface Overview {
  attention(): Promise<Attention>;
  spend(input: SpendInput): Promise<Spend>;
}

const WAITING_MAX = 50;
const ENDED_MAX = 20;

const told = (run: Run): AttentionRun => {
  const outcome = outcomeOf(run);
  const { id, taskName, status } = run;
  return { id, taskName, status, title: outcome?.title ?? "", sentence: outcome?.sentence ?? "" };
};

export const createOverview = ({ runs, overview }: Pick<Store, "runs" | "overview">): Overview => ({
  attention: async () => {
    const [waiting, ended] = await Promise.all([
      runs.list({ status: ["waiting"], limit: WAITING_MAX }),
      overview.lastEnded(ENDED_MAX),
    ]);
    return {
      waiting: waiting.map(told),
      ended: ended.flatMap((run) => (run.endedAt === null ? [] : [{ ...told(run), endedAt: run.endedAt }])),
    };
  },
  spend: async ({ boundaries }) => {
    const spans = boundaries.slice(1).map((to, index) => ({ from: boundaries[index] ?? to, to }));
    const [going, ...spent] = await Promise.all([overview.going(), ...spans.map((span) => overview.spent(span))]);
    return { going, spans: spans.map((span, index) => ({ ...span, ...(spent[index] ?? { runs: 0, costUsd: 0 }) })) };
  },
});
