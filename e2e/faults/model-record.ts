import { z } from "zod";
import { openTail } from "./tail.ts";

const Line = z.looseObject({
  at: z.iso.datetime(),
  matched: z.array(z.string()),
  toolResults: z.array(z.looseObject({ id: z.string() })),
});

/** A tool result that the model was given, and when for the first time. */
export type ResultGiven = { id: string; at: string };

/** Reads the scripted model's own record as it grows: which tool results it was given, by the mark of the run. */
export interface ModelRecord extends AsyncDisposable {
  resultsGiven(mark: string): Promise<ResultGiven[]>;
}

/** Opens the record; the scripts' rules have the mark as the first group of their match. */
export const openModelRecord = async (path: string): Promise<ModelRecord> => {
  const tail = await openTail(path);
  const given = new Map<string, Map<string, string>>();
  let reading: Promise<void> = Promise.resolve();
  const read = async (): Promise<void> => {
    for (const line of (await tail.read()).lines) {
      const { at, matched, toolResults } = Line.parse(JSON.parse(line));
      const mark = matched[1];
      if (mark === undefined) continue;
      const ofRun = given.get(mark) ?? new Map<string, string>();
      for (const { id } of toolResults) if (!ofRun.has(id)) ofRun.set(id, at);
      given.set(mark, ofRun);
    }
  };
  return {
    resultsGiven: async (mark) => {
      reading = reading.then(read);
      await reading;
      return [...(given.get(mark) ?? [])].map(([id, at]) => ({ id, at }));
    },
    [Symbol.asyncDispose]: () => tail[Symbol.asyncDispose](),
  };
};
