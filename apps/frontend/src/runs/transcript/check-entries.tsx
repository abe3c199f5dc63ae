import { Ban, CircleCheck, CircleX, LoaderCircle, type LucideIcon, TriangleAlert } from "lucide-react";
import { classes } from "../../ui/classes.ts";
import { DownloadLink } from "../../ui/download-link.tsx";
import { formatDuration, plural } from "../../ui/format.ts";
import { Elapsed } from "../../ui/time.tsx";
import { type CheckVerdict, describeOutcome, JUDGED_WORDS, verdictOfCommand, verdictOfJudge } from "../check-outcome.ts";
import type { EntryOf } from "../entries/entry.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { EntryFrame, Foldable, TONE_TEXT, type Tone } from "./frame.tsx";
import { LongText } from "./long-text.tsx";
import { Output } from "./output.tsx";

type Props<Kind extends Parameters<typeof EntryFrame>[0]["entry"]["kind"]> = {
  entry: EntryOf<Kind>;
  folds: Folds;
  runEnded: boolean;
};

type CheckLook = { icon: LucideIcon; tone: Tone };
export const CHECK_LOOKS: Record<CheckVerdict, CheckLook> = {
  passed: { icon: CircleCheck, tone: "ok" },
  failed: { icon: CircleX, tone: "bad" },
  undecided: { icon: TriangleAlert, tone: "warn" },
};
export const GOING: CheckLook = { icon: LoaderCircle, tone: "accent" };
export const STOPPED: CheckLook = { icon: Ban, tone: "faint" };

const Unfinished = ({ entry, going }: { entry: EntryOf<"check" | "judge">; going: boolean }) =>
  going ? (
    <Elapsed from={entry.at} to={null} className="nums text-xs text-accent" />
  ) : (
    <span className="text-xs text-ink-faint">cut off</span>
  );

/** Says of an output that its middle is missing, and where it is to be had. */
export const CutOut = ({ wholeOutput }: Pick<EntryOf<"check">, "wholeOutput">) => (
  <p className="pt-1 text-xs text-ink-faint">
    The middle of the output was cut out: it was too long{wholeOutput === null ? " to keep." : " to show here."}{" "}
    {wholeOutput !== null && (
      <DownloadLink
        className="rounded text-ink-soft underline"
        href={wholeOutput}
        title="All that the command printed, as a text file"
      >
        Whole output
      </DownloadLink>
    )}
  </p>
);

export const CheckLine = ({ entry, folds, runEnded }: Props<"check">) => {
  const { result, command } = entry;
  const going = result === null && !entry.cutOff && !runEnded;
  const { icon, tone } = result === null ? (going ? GOING : STOPPED) : CHECK_LOOKS[verdictOfCommand(result)];
  return (
    <EntryFrame entry={entry} icon={icon} spin={going} tone={tone}>
      <Foldable
        foldKey={entry.key}
        folds={folds}
        usually={result !== null && !result.passed}
        summary={
          <>
            <span className="shrink-0 font-medium">Check</span>
            <code className="code truncate text-ink-soft" title={command}>
              {command}
            </code>
          </>
        }
        aside={
          result === null ? (
            <Unfinished entry={entry} going={going} />
          ) : (
            <span className="nums flex gap-2 text-xs whitespace-nowrap">
              <span className={TONE_TEXT[tone]}>{describeOutcome(result)}</span>
              <span className="hidden text-ink-faint sm:inline">{formatDuration(result.durationMs)}</span>
            </span>
          )
        }
      >
        {result !== null && (
          <>
            <Output text={result.output} isError={tone === "bad"} foldKey={`${entry.key}:out`} folds={folds} />
            {result.outputTruncated && <CutOut wholeOutput={entry.wholeOutput} />}
          </>
        )}
      </Foldable>
    </EntryFrame>
  );
};

const EVIDENCE_LOOKS: Record<CheckVerdict, string> = {
  passed: "border-ok/30 bg-ok-soft",
  failed: "border-bad/30 bg-bad-soft",
  undecided: "border-warn/30 bg-warn-soft",
};

/** A judge of the checks in prose: what it decides by, what it found, and, when asked for, how it came to that. */
export const Judge = ({ entry, folds, runEnded }: Props<"judge">) => {
  const { key, end, text, children } = entry;
  const going = end === null && !runEnded;
  const verdict = end === null ? null : verdictOfJudge(end);
  const { icon, tone } = verdict === null ? (going ? GOING : STOPPED) : CHECK_LOOKS[verdict];
  const found = end?.verdict?.evidence ?? end?.problem ?? null;
  return (
    <EntryFrame entry={entry} icon={icon} spin={going} tone={tone}>
      <div className="flex flex-col gap-2">
        <p className="flex items-baseline justify-between gap-3">
          <span className="font-medium">A judge looks at the checks in prose</span>
          {verdict === null ? (
            <Unfinished entry={entry} going={going} />
          ) : (
            <span className={classes("shrink-0 text-xs font-medium", TONE_TEXT[tone])}>{JUDGED_WORDS[verdict]}</span>
          )}
        </p>
        {text !== "" && (
          <div className="border-l-2 border-line pl-3 text-ink-soft">
            <LongText text={text} foldKey={`${key}:text`} folds={folds} />
          </div>
        )}
        {verdict !== null && found !== null && (
          <div className={classes("rounded-lg border px-3 py-2", EVIDENCE_LOOKS[verdict])}>
            <p className={classes("text-xs font-medium", TONE_TEXT[tone])}>
              {verdict === "undecided" ? "Why there is no verdict" : "What the judge saw"}
            </p>
            <LongText text={found} foldKey={`${key}:found`} folds={folds} />
          </div>
        )}
        {children.length > 0 && (
          <Foldable
            foldKey={key}
            folds={folds}
            summary={
              <>
                <span className="text-ink-soft">{end === null ? "What the judge does" : "How the judge came to that"}</span>
                <span className="shrink-0 text-xs text-ink-faint">{plural(children.length, "entry", "entries")}</span>
              </>
            }
          />
        )}
      </div>
    </EntryFrame>
  );
};
