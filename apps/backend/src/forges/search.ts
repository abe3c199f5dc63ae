import type { FoundRepository } from "./types.ts";

/** Those whose own name, not their owner's, holds the words; by name, no more than `limit`. Pure. */
export const chosen = (
  found: readonly FoundRepository[],
  { query, limit }: { query: string | null; limit: number },
): FoundRepository[] => {
  const words = query?.trim().toLowerCase() ?? "";
  return found
    .filter(({ repository }) =>
      repository
        .slice(repository.indexOf("/") + 1)
        .toLowerCase()
        .includes(words),
    )
    .toSorted((a, b) => a.repository.localeCompare(b.repository, "en"))
    .slice(0, limit);
};
