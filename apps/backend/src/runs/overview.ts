import type { Spend, SpendInput } from "@ccr/protocol";
import type { Store } from "../store/types.ts";

/** What the API may ask of all runs at once. */
export interface Overview {
  spend(input: SpendInput): Promise<Spend>;
}

export const createOverview = ({ overview }: Pick<Store, "overview">): Overview => ({
  spend: async ({ boundaries }) => {
    const spans = boundaries.slice(1).map((to, index) => ({ from: boundaries[index] ?? to, to }));
    const [going, ...spent] = await Promise.all([overview.going(), ...spans.map((span) => overview.spent(span))]);
    return { going, spans: spans.map((span, index) => ({ ...span, ...(spent[index] ?? { runs: 0, costUsd: 0 }) })) };
  },
});
