import { Circle, CircleCheck } from "lucide-react";
import { classes } from "../../../ui/classes.ts";
import { recordOf, textOf } from "../../entries/json.ts";
import { shortPath } from "../../entries/tool-subject.ts";
import { Markdown } from "../markdown.tsx";
import { readQuestions } from "./questions.ts";
import { Result, type ToolProps } from "./result.tsx";

/** What a person was asked, what there was to choose from, and what was chosen. */
export const QuestionBody = ({ entry, folds, runEnded }: ToolProps) => {
  const { result } = entry;
  const response = textOf(recordOf(result?.structured).response);
  return (
    <div className="flex flex-col gap-3">
      {readQuestions(entry).map(({ header, text, options, answer, isOwnWords, notes }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the questions of one call never change
        <section key={index} aria-label={`Question: ${text}`} className="flex flex-col gap-1.5">
          <p>
            {header !== "" && <span className="mr-2 rounded bg-hover px-1.5 py-0.5 text-xs text-ink-soft">{header}</span>}
            <span className="font-medium [overflow-wrap:anywhere]">{text}</span>
          </p>
          <ul className="flex flex-col gap-1">
            {options.map(({ label, description, isChosen }) => {
              const Icon = isChosen ? CircleCheck : Circle;
              return (
                <li key={label} className="flex gap-2">
                  <Icon
                    aria-hidden
                    className={classes("mt-[0.1875rem] size-3.5 shrink-0", isChosen ? "text-ok" : "text-ink-faint")}
                  />
                  <span className="min-w-0 [overflow-wrap:anywhere]">
                    <span className="sr-only">{isChosen ? "chosen: " : ""}</span>
                    <span className={isChosen ? "font-medium" : "text-ink-soft"}>{label}</span>
                    {description !== "" && <span className="text-ink-faint"> · {description}</span>}
                  </span>
                </li>
              );
            })}
          </ul>
          {isOwnWords && (
            <p className="[overflow-wrap:anywhere]">
              <span className="text-ink-faint">Answered: </span>
              {answer}
            </p>
          )}
          {notes !== null && <p className="text-ink-soft [overflow-wrap:anywhere]">{notes}</p>}
          {answer === null && (
            <p className="text-xs text-ink-faint">{result === null && !runEnded ? "Waits for an answer" : "Not answered"}</p>
          )}
        </section>
      ))}
      {response !== null && <p className="text-ink-soft [overflow-wrap:anywhere]">Answered: {response}</p>}
      {result?.isError === true && <Result entry={entry} folds={folds} />}
    </div>
  );
};

/** The plan that was made before the work, and what became of it. */
export const PlanBody = ({ entry, folds }: ToolProps) => {
  const { input, result } = entry;
  const structured = recordOf(result?.structured);
  const plan = textOf(structured.plan) ?? textOf(input.plan);
  const path = textOf(structured.filePath);
  return (
    <div className="flex flex-col gap-2">
      {plan !== null && (
        <div className="rounded-lg border border-line bg-sunken px-3 py-2">
          <Markdown text={plan} />
        </div>
      )}
      {path !== null && (
        <p className="text-xs text-ink-faint [overflow-wrap:anywhere]">
          Written to <code className="code">{shortPath(path)}</code>
        </p>
      )}
      {result !== null && !result.isError && (
        <p className="text-ink-soft">
          {structured.planWasEdited === true ? "The plan was changed by a person and approved." : "The plan was approved."}
        </p>
      )}
      {result?.isError === true && <Result entry={entry} folds={folds} />}
    </div>
  );
};
