import { Circle, LoaderCircle, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { classes } from "../../ui/classes.ts";
import { formatDuration } from "../../ui/format.ts";
import { describeOutcome, JUDGED_WORDS, verdictOfCommand, verdictOfJudge } from "../check-outcome.ts";
import type { StepCheck, StepJudge } from "../entries/steps.ts";
import { CHECK_LOOKS, CutOut } from "../transcript/check-entries.tsx";
import { TONE_TEXT, type Tone } from "../transcript/frame.tsx";
import { InlineMarkdown } from "../transcript/inline-markdown.tsx";
import { LongText } from "../transcript/long-text.tsx";
import { Output } from "../transcript/output.tsx";
import type { Folds } from "./use-run-stream.ts";

type Look = { icon: LucideIcon; tone: Tone; said: string };
const PENDING: Look = { icon: Circle, tone: "faint", said: "not begun: " };
const GOING: Look = { icon: LoaderCircle, tone: "accent", said: "running: " };

/** One check in the list of a step; with `inside` it opens. */
const CheckItem = ({
  look: { icon: Icon, tone, said },
  going,
  name,
  came,
  inside,
  foldKey,
  folds,
}: {
  look: Look;
  going: boolean;
  name: (open: boolean) => ReactNode;
  /** How it came out, in few words. */
  came: string | null;
  inside: { what: string; body: () => ReactNode } | null;
  foldKey: string;
  folds: Folds;
}) => {
  const open = inside !== null && folds.isOpen(foldKey);
  const line = (
    <>
      <Icon aria-hidden className={classes("mt-1 size-3 shrink-0", TONE_TEXT[tone], going && "animate-spin")} />
      <span className="min-w-0 flex-1">
        <span className="sr-only">{said}</span>
        {name(open)}
        {came !== null && (
          <span className={classes("block text-2xs", tone === "ok" ? "text-ink-faint" : TONE_TEXT[tone])}>{came}</span>
        )}
      </span>
    </>
  );
  return (
    <li>
      {inside === null ? (
        <div className="flex gap-2 px-1">{line}</div>
      ) : (
        <button
          type="button"
          aria-expanded={open}
          title={`${open ? "Hide" : "Show"} ${inside.what}`}
          onClick={() => folds.set(foldKey, !open)}
          className="inset-ring-focus flex w-full gap-2 rounded px-1 text-left hover:bg-hover"
        >
          {line}
        </button>
      )}
      {open && <div className="px-1 py-1.5">{inside.body()}</div>}
    </li>
  );
};

type Props<Check> = { check: Check & { going: boolean }; foldKey: string; folds: Folds };

/** A command of the checks; `going`: it runs now. */
export const CommandItem = ({ check, foldKey, folds }: Props<StepCheck>) => {
  const { command, result, wholeOutput, going } = check;
  return (
    <CheckItem
      look={result === null ? (going ? GOING : PENDING) : { ...CHECK_LOOKS[verdictOfCommand(result)], said: "" }}
      going={going}
      name={(open) => (
        <code className={classes("code text-xs [overflow-wrap:anywhere]", open ? "block" : "line-clamp-2")} title={command}>
          {command}
        </code>
      )}
      came={result === null ? null : `${describeOutcome(result)} · ${formatDuration(result.durationMs)}`}
      inside={
        result === null
          ? null
          : {
              what: "the output",
              body: () => (
                <>
                  <Output
                    text={result.output}
                    isError={verdictOfCommand(result) === "failed"}
                    foldKey={`${foldKey}:out`}
                    folds={folds}
                    lines={8}
                  />
                  {result.outputTruncated && <CutOut wholeOutput={wholeOutput} />}
                </>
              ),
            }
      }
      foldKey={foldKey}
      folds={folds}
    />
  );
};

/** The checks in prose, which a judge looks at; `going`: it looks now. */
export const JudgeItem = ({ check, foldKey, folds }: Props<StepJudge>) => {
  const { end, text, going } = check;
  const found = end?.verdict?.evidence ?? end?.problem ?? null;
  const verdict = end === null ? null : verdictOfJudge(end);
  return (
    <CheckItem
      look={verdict === null ? (going ? GOING : PENDING) : { ...CHECK_LOOKS[verdict], said: "" }}
      going={going}
      name={(open) => (
        <span className={classes("text-xs whitespace-pre-line [overflow-wrap:anywhere]", open ? "block" : "line-clamp-3")}>
          <InlineMarkdown text={text} />
        </span>
      )}
      came={verdict === null ? (going ? "a judge looks at it" : "for a judge") : `judged: ${JUDGED_WORDS[verdict]}`}
      inside={
        found === null
          ? null
          : {
              what: "what the judge saw",
              body: () => (
                <div className="border-l-2 border-line pl-2.5 text-xs text-ink-soft">
                  <LongText text={found} foldKey={`${foldKey}:found`} folds={folds} />
                </div>
              ),
            }
      }
      foldKey={foldKey}
      folds={folds}
    />
  );
};
