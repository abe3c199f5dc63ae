import type { z } from "zod";
import { ForgeError } from "./failure.ts";

/** Reads outside data, or throws a `ForgeError` that says what is wrong with it. */
export type ReadAnswer = <T>(schema: z.ZodType<T>, value: unknown) => T;

/** Makes the reader of one host's answers. */
export const createReader =
  (host: string): ReadAnswer =>
  (schema, value) => {
    const read = schema.safeParse(value);
    if (read.success) return read.data;
    const [issue] = read.error.issues;
    const place = issue?.path.join(".") ?? "";
    throw new ForgeError(
      "unreachable",
      `${host} answered in a form that this version does not know (${place === "" ? "" : `${place}: `}${issue?.message ?? "not valid"}). Check that apiUrl is its API.`,
    );
  };

/** One page of a list. */
export interface Page<T> {
  items: T[];
  hasMore: boolean;
}

/** Follows a list's pages, from the first, until there are no more or enough was found; `pagesMax` bounds what a hostile list can cost. */
export const followPages = async <T>(
  fetchPage: (page: number) => Promise<Page<T>>,
  { enough = Number.POSITIVE_INFINITY, pagesMax = 50 }: { enough?: number; pagesMax?: number } = {},
): Promise<T[]> => {
  const found: T[] = [];
  for (let page = 1; page <= pagesMax; page++) {
    const { items, hasMore } = await fetchPage(page);
    found.push(...items);
    if (!hasMore || found.length >= enough) break;
  }
  return found;
};
