import { isFinal, type RunView } from "@ccr/protocol";
import { type Activity, doingOf } from "../entries/activity.ts";
import type { Ending } from "../entries/derive.ts";
import { queueSentence } from "../queue.ts";

/** What happens now, or what came of the run; `subject` is the command or the like at its end, `since` when it began. */
export type Now = { text: string; subject: string; since: string | null };

const plain = (text: string): Now => ({ text, subject: "", since: null });

const stepPhrase = ({ stepIndex, steps }: Pick<RunView, "stepIndex" | "steps">): string =>
  stepIndex === null || steps.length < 2 ? "" : `Step ${stepIndex + 1} of ${steps.length}: `;

/** What happens now in one sentence, or what came of the run. Pure. */
export const nowOf = (run: RunView, activity: Activity, unreachable: boolean): Now => {
  if (run.outcome !== null) return plain(run.outcome.sentence);
  if (isFinal(run.status)) return plain(run.sentence ?? "The run has ended.");
  if (unreachable) return plain("What goes on now is not known until the server can be reached again.");
  const doing = doingOf(activity);
  const during = (phrase: string, otherwise: string): Now => {
    const text = `${phrase}${doing?.words ?? otherwise}`;
    return {
      text: `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`,
      subject: doing?.subject ?? "",
      since: doing?.since ?? null,
    };
  };
  switch (run.status) {
    case "queued":
      return plain(queueSentence(run));
    case "starting":
      return during("", "getting a sandbox ready");
    case "running":
      return during(stepPhrase(run), "working");
    case "waiting":
      return plain(`${stepPhrase(run)}${stepPhrase(run) === "" ? "W" : "w"}aiting for your answer.`);
    case "canceling":
      return plain("Saving what was done and removing the sandbox.");
  }
};

/** The run as its own last message tells it, for as long as the server's answer is older: nothing looks as if it went on. */
export const asTold = (run: RunView, ending: Ending | null): RunView => {
  if (ending === null || isFinal(run.status)) return run;
  const { status, sentence, outcome, at } = ending;
  return { ...run, status, sentence, outcome, endedAt: run.endedAt ?? at, queue: null };
};
