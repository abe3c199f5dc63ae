import type { CanceledRun, RetriedRun } from "@ccr/protocol";
import { plural } from "../../ui/format.ts";

/** What came of something that was done with many runs; `problems` are sentences, each once. */
export type Told = { text: string; problems: readonly string[] };

const count = <Item>(items: readonly Item[], is: (item: Item) => boolean): number => items.filter(is).length;

/** What came of canceling. Pure. */
export const toldOfCancel = (results: readonly CanceledRun[]): Told => {
  const ended = count(results, ({ did }) => did === "ended");
  const gone = count(results, ({ did }) => did === "gone");
  const text = [
    `${plural(results.length - ended - gone, "run")} canceled.`,
    ...(ended === 0
      ? []
      : [`${plural(ended, "run")} had ended meanwhile, and ${ended === 1 ? "stays as it is" : "stay as they are"}.`]),
    ...(gone === 0 ? [] : [`${plural(gone, "run")} ${gone === 1 ? "is" : "are"} not there any more.`]),
  ];
  return { text: text.join(" "), problems: [] };
};

/** What came of launching again. Pure. */
export const toldOfRetry = (results: readonly RetriedRun[]): Told => {
  const failed = results.flatMap(({ problem }) => problem ?? []);
  const text = `${plural(results.length - failed.length, "run")} launched again.`;
  return failed.length === 0
    ? { text, problems: [] }
    : { text: `${text} ${plural(failed.length, "run")} could not be:`, problems: [...new Set(failed)].slice(0, 5) };
};
