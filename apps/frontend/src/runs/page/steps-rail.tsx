import { isFinal, parseChecks, type Run, setsUpAlone } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";
import { Ban, CircleCheck, CircleDashed, CircleX, LoaderCircle, type LucideIcon } from "lucide-react";
import { memo, useEffect, useRef } from "react";
import { classes } from "../../ui/classes.ts";
import { plural } from "../../ui/format.ts";
import { Elapsed } from "../../ui/time.tsx";
import type { Todo } from "../entries/entry.ts";
import {
  attemptState,
  type StepAttempt,
  type StepCheck,
  type StepJudge,
  type StepState,
  type Steps,
  stepState,
} from "../entries/steps.ts";
import { InlineMarkdown } from "../transcript/inline-markdown.tsx";
import { TodoList } from "../transcript/todo-list.tsx";
import { CommandItem, JudgeItem } from "./check-items.tsx";
import { type Folds, useFolds } from "./use-run-stream.ts";

const LOOKS: Record<StepState, { icon: LucideIcon; tone: string; label: string; spin?: boolean }> = {
  pending: { icon: CircleDashed, tone: "text-ink-faint", label: "not begun" },
  running: { icon: LoaderCircle, tone: "text-accent", label: "running", spin: true },
  passed: { icon: CircleCheck, tone: "text-ok", label: "passed" },
  failed: { icon: CircleX, tone: "text-bad", label: "failed" },
  stopped: { icon: Ban, tone: "text-ink-faint", label: "stopped" },
};

const NO_ATTEMPTS: readonly StepAttempt[] = [];
/** So many of the last attempts are shown unasked. */
const ATTEMPTS_SHOWN = 3;

/** `going`: it runs now. */
type Shown<Check> = Check & { going: boolean };
type Checks = { commands: readonly Shown<StepCheck>[]; judge: Shown<StepJudge> | null };

/** The checks of an attempt that goes on or has ended. */
const checksOf = (attempt: StepAttempt, goesOn: boolean): Checks => {
  const { checks, begun, judge } = attempt;
  return {
    commands: checks.map((check, index) => ({ ...check, going: goesOn && index < begun && check.result === null })),
    judge: judge === null ? null : { ...judge, going: goesOn && judge.end === null },
  };
};

/** These checks, and those of the step that are still to come. */
const withRest = ({ commands, judge }: Checks, checks: string): Checks => {
  const all = parseChecks(checks);
  const rest = all.commands.slice(commands.length).map((command) => ({ command, result: null, wholeOutput: null, going: false }));
  const prose = all.prose === "" ? null : { text: all.prose, end: null, going: false };
  return { commands: [...commands, ...rest], judge: judge ?? prose };
};

const CheckList = ({
  checks: { commands, judge },
  label,
  foldKey,
  folds,
}: {
  checks: Checks;
  label: string;
  foldKey: string;
  folds: Folds;
}) =>
  (commands.length > 0 || judge !== null) && (
    <ul className="-mx-1 flex flex-col gap-0.5" aria-label={label}>
      {commands.map((check, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the same command may be checked twice
        <CommandItem key={index} check={check} foldKey={`${foldKey}:${index}`} folds={folds} />
      ))}
      {judge !== null && <JudgeItem check={judge} foldKey={`${foldKey}:judge`} folds={folds} />}
    </ul>
  );

const AttemptHeading = ({ run, attempt, state }: { run: Run; attempt: StepAttempt; state: StepState }) => {
  const { tone, label } = LOOKS[state];
  return (
    <p className="flex items-baseline justify-between gap-2 pt-1 text-xs">
      <Link
        to="/runs/$runId"
        params={{ runId: run.id }}
        hash={`m${attempt.seq}`}
        title="Show it in the transcript"
        className="rounded font-medium hover:underline"
      >
        Attempt {attempt.attempt} of {Math.max(run.limits.maxAttempts, attempt.attempt)}
      </Link>
      <span className={classes("shrink-0 text-2xs", tone)}>{label}</span>
    </p>
  );
};

const StepItem = ({
  run,
  index,
  attempts,
  isPart,
  folds,
}: {
  run: Run;
  index: number;
  attempts: readonly StepAttempt[];
  /** Attempts may be missing: earlier messages are still being read. */
  isPart: boolean;
  folds: Folds;
}) => {
  const item = useRef<HTMLLIElement>(null);
  const isNow = attempts.length > 0 && !isFinal(run.status) && run.stepIndex === index;
  useEffect(() => {
    if (isNow) item.current?.scrollIntoView({ block: "nearest" });
  }, [isNow]);
  const step = run.steps[index];
  if (step === undefined) return null;
  const runEnded = isFinal(run.status);
  const state = stepState(attempts, runEnded);
  const { icon: Icon, tone, label, spin } = LOOKS[state];
  const first = attempts[0];
  const last = attempts.at(-1);
  const key = `step:${index}`;
  const allKey = `${key}:attempts`;
  const shown = folds.isOpen(allKey) ? attempts : attempts.slice(-ATTEMPTS_SHOWN);
  const hidden = attempts.length - shown.length;
  const open = folds.isOpen(key);
  return (
    <li ref={item} aria-current={isNow ? "step" : undefined} className="flex gap-2.5">
      <Icon aria-hidden className={classes("mt-0.5 size-4 shrink-0", tone, spin === true && "animate-spin")} />
      <div className="flex min-w-0 flex-1 flex-col gap-1.5">
        <div className="flex items-baseline justify-between gap-2">
          {first === undefined ? (
            <span className="font-medium text-ink-soft">Step {index + 1}</span>
          ) : (
            <Link
              to="/runs/$runId"
              params={{ runId: run.id }}
              hash={`m${first.seq}`}
              title="Show it in the transcript"
              className="rounded font-medium hover:underline"
            >
              Step {index + 1}
            </Link>
          )}
          <span className="nums shrink-0 text-2xs whitespace-nowrap text-ink-faint">
            {first === undefined || last === undefined ? (
              isPart ? (
                "reading"
              ) : runEnded ? (
                "not reached"
              ) : (
                label
              )
            ) : (
              <>
                <span className="sr-only">{label}, </span>
                <Elapsed from={first.startedAt} to={last.endedAt ?? run.endedAt} />
              </>
            )}
          </span>
        </div>
        <button
          type="button"
          aria-expanded={open}
          title={open ? "Show less" : "Show all of it"}
          onClick={() => folds.set(key, !open)}
          className={classes(
            "inset-ring-focus rounded text-left text-xs text-ink-soft [overflow-wrap:anywhere] hover:text-ink",
            open ? "whitespace-pre-wrap" : "line-clamp-3",
          )}
        >
          <InlineMarkdown text={step.instructions.trim()} />
        </button>
        {last === undefined && (
          <CheckList
            checks={withRest({ commands: [], judge: null }, step.checks)}
            label={`Checks of step ${index + 1}`}
            foldKey={key}
            folds={folds}
          />
        )}
        {hidden > 0 && (
          <button
            type="button"
            onClick={() => folds.set(allKey, true)}
            className="self-start rounded text-xs font-medium text-accent hover:underline"
          >
            Show {plural(hidden, "earlier attempt")}
          </button>
        )}
        {shown.map((attempt) => {
          const attemptStands = attemptState(attempt, runEnded);
          const checks = checksOf(attempt, attemptStands === "running");
          return (
            <div key={attempt.seq} className="flex flex-col gap-1">
              {attempts.length > 1 && <AttemptHeading run={run} attempt={attempt} state={attemptStands} />}
              <CheckList
                checks={attempt === last ? withRest(checks, step.checks) : checks}
                label={`Checks of step ${index + 1}${attempts.length > 1 ? `, attempt ${attempt.attempt}` : ""}`}
                foldKey={`${key}:${attempt.attempt}`}
                folds={folds}
              />
            </div>
          );
        })}
      </div>
    </li>
  );
};

/** The steps with their checks, and the agent's own list. `isPart`: the earlier part of the transcript is still being read. */
export const StepsRail = memo(
  ({ run, steps, todos, isPart }: { run: Run; steps: Steps; todos: readonly Todo[]; isPart: boolean }) => {
    const folds = useFolds();
    const done = todos.filter(({ status }) => status === "completed").length;
    return (
      <div className="flex flex-col gap-6 overflow-y-auto p-4">
        <section aria-label="Steps">
          <h2 className="sr-only">Steps</h2>
          {setsUpAlone(run) && (
            <p className="text-pretty text-ink-soft">This run only sets its environment up. Claude Code is not started.</p>
          )}
          <ol className="flex flex-col gap-5">
            {run.steps.map((step, index) => (
              <StepItem
                key={`${String(index)}${step.instructions.length}`}
                run={run}
                index={index}
                attempts={steps.get(index) ?? NO_ATTEMPTS}
                isPart={isPart}
                folds={folds}
              />
            ))}
          </ol>
        </section>
        {todos.length > 0 && (
          <section aria-label="Claude Code’s list" className="border-t border-line pt-4 text-xs">
            <h2 className="mb-2 flex justify-between font-medium">
              Claude Code’s list
              <span className="nums font-normal text-ink-faint">
                {done} of {todos.length}
              </span>
            </h2>
            <TodoList todos={todos} />
          </section>
        )}
      </div>
    );
  },
);
