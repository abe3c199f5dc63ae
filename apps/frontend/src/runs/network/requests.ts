import type { AuditRecord } from "@ccr/protocol";

/** So many records are asked for at once: the most that the server gives. */
export const REQUESTS_PAGE = 1000;

/** Reads on from what is known until there is no more; records come once each, in order of `n`. */
export const readRequests = async (
  known: readonly AuditRecord[],
  readPage: (after: number) => Promise<readonly AuditRecord[]>,
): Promise<readonly AuditRecord[]> => {
  let all = known;
  for (;;) {
    const after = all.at(-1)?.n ?? 0;
    const page = (await readPage(after)).filter(({ n }) => n > after);
    if (page.length > 0) all = [...all, ...page];
    if (page.length < REQUESTS_PAGE) return all;
  }
};
