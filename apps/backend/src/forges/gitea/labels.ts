import { z } from "zod";
import { followPages, type ReadAnswer } from "../answers.ts";
import { ForgeError } from "../failure.ts";
import { noteOf } from "../notes.ts";
import { type GiteaApi, type GiteaAt, listOf, PAGE_SIZE, pageOf } from "./client.ts";

interface Place {
  api: GiteaApi;
  at: GiteaAt;
  read: ReadAnswer;
}

const Label = z.object({ id: z.number().int(), name: z.string() });

// The grey that hosts themselves give to what has no meaning yet.
const COLOUR = "#ededed";

/** The labels that can be used in a repository, by name: its own, and its organisation's. */
const listLabels = async ({ api, at, read }: Place): Promise<Map<string, number>> => {
  const own = await followPages(async (page) => {
    const { data, headers } = await api.repos.issueListLabels(...at, { limit: PAGE_SIZE, page });
    return pageOf(read(listOf(Label), data), page, headers);
  });
  const shared = await followPages(async (page) => {
    try {
      const { data, headers } = await api.orgs.orgListLabels(at[0], { limit: PAGE_SIZE, page });
      return pageOf(read(listOf(Label), data), page, headers);
    } catch (error) {
      // The owner is a person, or an organisation whose labels we may not see.
      if (error instanceof ForgeError && (error.kind === "not_found" || error.kind === "forbidden"))
        return { items: [], hasMore: false };
      throw error;
    }
  });
  return new Map([...shared, ...own].map(({ id, name }) => [name, id]));
};

/** Adds labels to a pull request and makes those that are not there; gives a sentence for each that could not be set. */
export const setLabels = async (
  place: Place,
  { number, labels }: { number: number; labels: readonly string[] },
): Promise<string[]> => {
  if (labels.length === 0) return [];
  const { api, at, read } = place;
  const notes: string[] = [];
  const ids: number[] = [];
  try {
    const known = await listLabels(place);
    for (const name of labels) {
      const id = known.get(name);
      if (id !== undefined) ids.push(id);
      else {
        try {
          ids.push(read(Label, (await api.repos.issueCreateLabel(...at, { name, color: COLOUR })).data).id);
        } catch (error) {
          notes.push(noteOf(error, `The label ${name} is not there and could not be made`));
        }
      }
    }
    if (ids.length > 0) await api.repos.issueAddLabel(...at, number, { labels: ids });
  } catch (error) {
    notes.push(noteOf(error, `The labels ${labels.join(", ")} could not be set`));
  }
  return notes;
};
