import { type QueryKey, useMutationState } from "@tanstack/react-query";

const idIn = (input: unknown): string[] =>
  typeof input === "object" && input !== null && "id" in input && typeof input.id === "string" ? [input.id] : [];

/**
 * What a procedure is being asked for at the moment, by the `id` of its input. Shown as if it were done already, what the server refuses comes back
 * by itself.
 */
export const usePending = (mutationKey: QueryKey): readonly string[] =>
  useMutationState({ filters: { mutationKey, status: "pending" }, select: ({ state }) => idIn(state.variables) }).flat();
