import type { ToolEntry } from "../../entries/entry.ts";
import { isRecord, listOf, recordOf, textOf } from "../../entries/json.ts";

export type Option = { label: string; description: string; isChosen: boolean };
export type Question = {
  header: string;
  text: string;
  options: readonly Option[];
  /** What was answered; null: nothing yet, or nothing at all. */
  answer: string | null;
  /** The answer is none of the options. */
  isOwnWords: boolean;
  notes: string | null;
};

/** What a person was asked, and what was answered. Pure. */
export const readQuestions = ({ input, result }: ToolEntry): readonly Question[] => {
  const structured = recordOf(result?.structured);
  const answers = { ...recordOf(input.answers), ...recordOf(structured.answers) };
  const annotations = recordOf(structured.annotations);
  return listOf(input.questions)
    .filter(isRecord)
    .map((question) => {
      const text = textOf(question.question) ?? "";
      const answer = Object.hasOwn(answers, text) ? textOf(answers[text]) : null;
      const labels = listOf(question.options)
        .filter(isRecord)
        .map((option) => ({ label: textOf(option.label) ?? "", description: textOf(option.description) ?? "" }));
      // Several chosen ones are told in one text.
      const parts = answer === null ? [] : question.multiSelect === true ? answer.split(/, ?/) : [answer];
      const options = labels.map((option) => ({
        ...option,
        isChosen: answer === option.label || parts.includes(option.label),
      }));
      const note = Object.hasOwn(annotations, text) ? recordOf(annotations[text]) : {};
      return {
        header: textOf(question.header) ?? "",
        text,
        options,
        answer,
        isOwnWords: answer !== null && !options.some(({ isChosen }) => isChosen),
        notes: textOf(note.notes),
      };
    });
};
