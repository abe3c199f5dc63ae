import { type CheckResult, isFinal, parseChecks, type Run } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";
import { Ban, Circle, CircleCheck, CircleDashed, CircleX, LoaderCircle, type LucideIcon } from "lucide-react";
import { classes } from "../../ui/classes.ts";
import { formatDuration } from "../../ui/format.ts";
import { Elapsed } from "../../ui/time.tsx";
import { describeOutcome } from "../check-outcome.ts";
import { type StepProgress, type StepState, stepState } from "../entries/steps.ts";
import { InlineMarkdown } from "../transcript/markdown.tsx";
import { Output } from "../transcript/output.tsx";
import { TodoList } from "../transcript/todo-list.tsx";
import { type Folds, type RunStream, useFolds } from "./use-run-stream.ts";

const LOOKS: Record<StepState, { icon: LucideIcon; tone: string; label: string; spin?: boolean }> = {
  pending: { icon: CircleDashed, tone: "text-ink-faint", label: "not begun" },
  running: { icon: LoaderCircle, tone: "text-accent", label: "running", spin: true },
  passed: { icon: CircleCheck, tone: "text-ok", label: "passed" },
  failed: { icon: CircleX, tone: "text-bad", label: "failed" },
  stopped: { icon: Ban, tone: "text-ink-faint", label: "stopped" },
};

type Check = { command: string; result: CheckResult | null; begun: boolean };

/** The checks of the last attempt, and those that are still to come. */
const checksOf = (checks: string, progress: StepProgress | undefined): readonly Check[] => {
  const begun = (progress?.attempts.at(-1)?.checks ?? []).map(({ command, result }) => ({ command, result, begun: true }));
  const rest = parseChecks(checks)
    .commands.slice(begun.length)
    .map((command) => ({ command, result: null, begun: false }));
  return [...begun, ...rest];
};

const CheckItem = ({ check, foldKey, folds, runEnded }: { check: Check; foldKey: string; folds: Folds; runEnded: boolean }) => {
  const { command, result, begun } = check;
  const going = begun && result === null && !runEnded;
  const Icon = result === null ? (going ? LoaderCircle : Circle) : result.passed ? CircleCheck : CircleX;
  const tone = result === null ? (going ? "text-accent" : "text-ink-faint") : result.passed ? "text-ok" : "text-bad";
  const open = result !== null && folds.isOpen(foldKey);
  const line = (
    <>
      <Icon aria-hidden className={classes("mt-1 size-3 shrink-0", tone, going && "animate-spin")} />
      <span className="min-w-0 flex-1">
        <code className={classes("code text-xs [overflow-wrap:anywhere]", open ? "block" : "line-clamp-2")} title={command}>
          {command}
        </code>
        {result !== null && (
          <span className={classes("block text-2xs", result.passed ? "text-ink-faint" : "text-bad")}>
            {describeOutcome(result)} · {formatDuration(result.durationMs)}
          </span>
        )}
      </span>
    </>
  );
  return (
    <li>
      {result === null ? (
        <div className="flex gap-2 px-1">{line}</div>
      ) : (
        <button
          type="button"
          aria-expanded={open}
          title={open ? "Hide the output" : "Show the output"}
          onClick={() => folds.set(foldKey, !open)}
          className="inset-ring-focus flex w-full gap-2 rounded px-1 text-left hover:bg-hover"
        >
          {line}
        </button>
      )}
      {open && (
        <div className="py-1.5">
          <Output text={result.output} isError={!result.passed} foldKey={`${foldKey}:out`} folds={folds} lines={8} />
        </div>
      )}
    </li>
  );
};

const StepItem = ({
  run,
  index,
  progress,
  folds,
}: {
  run: Run;
  index: number;
  progress: StepProgress | undefined;
  folds: Folds;
}) => {
  const step = run.steps[index];
  if (step === undefined) return null;
  const runEnded = isFinal(run.status);
  const state = stepState(progress, runEnded);
  const { icon: Icon, tone, label, spin } = LOOKS[state];
  const last = progress?.attempts.at(-1);
  const prose = progress?.notJudged.length ? progress.notJudged.join("\n") : parseChecks(step.checks).prose;
  const checks = checksOf(step.checks, progress);
  const key = `step:${index}`;
  const open = folds.isOpen(key);
  return (
    <li className="flex gap-2.5">
      <Icon aria-hidden className={classes("mt-0.5 size-4 shrink-0", tone, spin === true && "animate-spin")} />
      <div className="flex min-w-0 flex-1 flex-col gap-1.5">
        <div className="flex items-baseline justify-between gap-2">
          {last === undefined ? (
            <span className="font-medium text-ink-soft">Step {index + 1}</span>
          ) : (
            <Link
              to="/runs/$runId"
              params={{ runId: run.id }}
              hash={`m${last.seq}`}
              title="Show it in the transcript"
              className="rounded font-medium hover:underline"
            >
              Step {index + 1}
            </Link>
          )}
          <span className="nums shrink-0 text-2xs whitespace-nowrap text-ink-faint">
            {last !== undefined && last.attempt > 1 && `attempt ${last.attempt} · `}
            {last === undefined ? (
              runEnded ? (
                "not reached"
              ) : (
                label
              )
            ) : (
              <>
                <span className="sr-only">{label}, </span>
                <Elapsed from={last.startedAt} to={last.endedAt ?? run.endedAt} />
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
        {checks.length > 0 && (
          <ul className="-mx-1 flex flex-col gap-0.5" aria-label={`Checks of step ${index + 1}`}>
            {checks.map((check, checkIndex) => (
              <CheckItem
                // biome-ignore lint/suspicious/noArrayIndexKey: the same command may be checked twice
                key={checkIndex}
                check={check}
                foldKey={`step:${index}:${last?.attempt ?? 0}:${checkIndex}`}
                folds={folds}
                runEnded={runEnded}
              />
            ))}
          </ul>
        )}
        {prose !== "" && (
          <p className="text-xs whitespace-pre-wrap text-ink-faint [overflow-wrap:anywhere]">
            <span className="font-medium">Not judged: </span>
            <InlineMarkdown text={prose} />
          </p>
        )}
      </div>
    </li>
  );
};

/** The steps with their checks, and the agent's own list. */
export const StepsRail = ({ run, stream }: { run: Run; stream: RunStream }) => {
  const folds = useFolds();
  const { steps, todos } = stream.transcript;
  const done = todos.filter(({ status }) => status === "completed").length;
  return (
    <div className="flex flex-col gap-6 overflow-y-auto p-4">
      <section aria-label="Steps">
        <h2 className="sr-only">Steps</h2>
        <ol className="flex flex-col gap-5">
          {run.steps.map((step, index) => (
            <StepItem
              key={`${String(index)}${step.instructions.length}`}
              run={run}
              index={index}
              progress={steps.get(index)}
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
};
