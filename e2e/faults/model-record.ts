import { z } from "zod";
import { openTail } from "./tail.ts";

const Line = z.looseObject({
  matched: z.array(z.string()),
  toolResults: z.array(z.looseObject({ id: z.string() })),
});

/** Reads the scripted model's own record as it grows: which tool results it was given, by the mark of the run. */
export interface ModelRecord extends AsyncDisposable {
  resultsGiven(mark: string): Promise<string[]>;
}

/** Opens the record; the scripts' rules have the mark as the first group of their match. */
export const openModelRecord = async (path: string): Promise<ModelRecord> => {
  const tail = await openTail(path);
  const given = new Map<string, string[]>();
  let reading: Promise<void> = Promise.resolve();
  const read = async (): Promise<void> => {
    for (const line of (await tail.read()).lines) {
      const { matched, toolResults } = Line.parse(JSON.parse(line));
      const mark = matched[1];
      if (mark === undefined) continue;
      const ids = given.get(mark) ?? [];
      ids.push(...toolResults.map(({ id }) => id));
      given.set(mark, ids);
    }
  };
  return {
    resultsGiven: async (mark) => {
      reading = reading.then(read);
      await reading;
      return given.get(mark) ?? [];
    },
    [Symbol.asyncDispose]: () => tail[Symbol.asyncDispose](),
  };
};
