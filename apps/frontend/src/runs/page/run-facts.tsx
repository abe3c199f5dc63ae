import { type Continuation, checkoutsOf, type RunCheckout, type RunView } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";
import { ChevronDown, Clock, Coins, Container, CornerDownRight, GitBranch, Layers, type LucideIcon, Package } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import { describeMember } from "../../batches/words.ts";
import { TaskVersionFact } from "../../tasks/task-version-fact.tsx";
import { classes } from "../../ui/classes.ts";
import { formatCount, formatMoment, plural } from "../../ui/format.ts";
import { TailPath } from "../../ui/tail-path.tsx";
import { Ago, Elapsed } from "../../ui/time.tsx";
import { Cost } from "../cost.tsx";
import { PriorityButtons, usePriority } from "../priority-buttons.tsx";
import { MANY_REPOSITORIES, repositoryAt } from "../repositories.ts";
import { startOf } from "../status.tsx";

const CONTINUES = {
  person: "Somebody asked for it",
  checks: "Checks of its pull request failed",
  review: "A reviewer of its pull request wrote something",
} as const;

const startOfWork = ({ fromKept }: Continuation): string =>
  fromKept.length > 0
    ? "It began with the work as that run left it."
    : "It began on the branch of that run, or where that run began.";

const Fact = ({
  icon: Icon,
  title,
  className = "flex",
  children,
}: {
  icon: LucideIcon;
  title: string;
  className?: string;
  children: ReactNode;
}) => (
  <span className={classes("min-w-0 items-center gap-1.5", className)} title={title}>
    <Icon aria-hidden className="size-3.5 shrink-0 text-ink-faint" />
    <span className="nums min-w-0 truncate">{children}</span>
  </span>
);

/** A repository of a run, and what it starts from there; of several, after the name of its folder. */
const RepositoryFact = ({ checkout, className }: { checkout: RunCheckout; className?: string }) => {
  const { repository, directory, baseCommit } = checkout;
  return (
    <Fact
      icon={GitBranch}
      title={baseCommit === null ? repository : `${repository}, from commit ${baseCommit}`}
      {...(className === undefined ? {} : { className })}
    >
      <span className="flex min-w-0 gap-1.5">
        {directory !== null && (
          <span className="code max-w-[45%] shrink-0 truncate leading-[inherit] text-ink">
            {directory}
            <span aria-hidden>/</span>
          </span>
        )}
        <TailPath text={repositoryAt(checkout)} />
        {baseCommit !== null && <span className="code leading-[inherit] text-ink-faint">{baseCommit.slice(0, 8)}</span>}
      </span>
    </Fact>
  );
};

/** The repositories of a run that has several, each with its folder. With many of them the list scrolls: what is under it needs its room. */
const Repositories = ({ checkouts, className }: { checkouts: readonly RunCheckout[]; className: string }) => {
  const areMany = checkouts.length > MANY_REPOSITORIES;
  return (
    <section
      aria-label="Repositories"
      // A region that scrolls must be reachable by keyboard.
      tabIndex={areMany ? 0 : undefined}
      // The last line is cut, so that one sees that there are more.
      className={classes("text-xs text-ink-soft", className, areMany && "inset-ring-focus max-h-17 overflow-y-auto")}
    >
      <ul className="flex flex-col gap-y-0.5">
        {checkouts.map((checkout) => (
          <li key={checkout.directory} className="flex min-w-0">
            <RepositoryFact checkout={checkout} />
          </li>
        ))}
      </ul>
    </section>
  );
};

/** Moves a run that waits up or down in the queue. */
const Priority = ({ run }: { run: RunView }) => {
  const priority = usePriority();
  return (
    <span className="inline-flex gap-1">
      <PriorityButtons run={priority.shown(run)} priority={priority} look="words" />
    </span>
  );
};

/**
 * What else is known of a run: where it works, since when, for how much. A small screen shows the time and the cost, and the rest when it is
 * asked for.
 */
export const RunFacts = ({ run, taskDeleted }: { run: RunView; taskDeleted: boolean }) => {
  const [open, setOpen] = useState(false);
  const restId = useId();
  const { usage } = run;
  const checkouts = checkoutsOf(run);
  const tokens = usage.inputTokens + usage.outputTokens;
  const folded = !open && "max-sm:hidden";
  return (
    <>
      {checkouts.length > 1 && <Repositories checkouts={checkouts} className={classes("max-sm:order-last", folded)} />}
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1 text-xs text-ink-soft">
        {checkouts.length === 1 && (
          <RepositoryFact checkout={run} className={classes("flex max-sm:order-1 max-sm:basis-full", folded)} />
        )}
        <Fact icon={Clock} title={`Launched ${formatMoment(run.createdAt)}`}>
          <Elapsed from={startOf(run)} to={run.endedAt} />
          <span className="text-ink-faint max-sm:hidden">
            {" "}
            · <Ago at={run.createdAt} />
          </span>
        </Fact>
        <Fact
          icon={Coins}
          title={`${usage.inputTokens.toLocaleString("en")} tokens in, ${usage.outputTokens.toLocaleString("en")} out, ${plural(usage.turns, "model call")}`}
        >
          <Cost usage={usage} />
          {usage.judges !== undefined && (
            <span className="text-ink-faint">
              , <Cost usage={usage.judges} /> of it for judging
            </span>
          )}
          {tokens > 0 && <span className="text-ink-faint max-sm:hidden"> · {formatCount(tokens)} tokens</span>}
        </Fact>
        {run.status === "queued" && <Priority run={run} />}
        <button
          type="button"
          aria-expanded={open}
          aria-controls={restId}
          onClick={() => setOpen(!open)}
          className="-my-1 ml-auto flex h-7 items-center gap-1 rounded px-1 font-medium hover:text-ink sm:hidden"
        >
          Details
          <ChevronDown aria-hidden className={classes("size-3.5 transition-transform", open && "rotate-180")} />
        </button>
        <div id={restId} className={classes("order-2 flex basis-full flex-wrap gap-x-4 gap-y-1 sm:contents", folded)}>
          <TaskVersionFact run={run} taskDeleted={taskDeleted} />
          {run.continues !== null && (
            <Fact icon={CornerDownRight} title={`${CONTINUES[run.continues.because]}. ${startOfWork(run.continues)}`}>
              <Link to="/runs/$runId" params={{ runId: run.continues.runId }} className="rounded hover:underline">
                goes on from an earlier run
              </Link>
            </Fact>
          )}
          {run.batch !== null && (
            <Fact icon={Layers} title="The batch with which it was launched">
              <Link to="/batches/$batchId" params={{ batchId: run.batch.id }} className="rounded hover:underline">
                {describeMember(run.batch)}
              </Link>
            </Fact>
          )}
          {run.environment !== null && (
            <Fact icon={Package} title="The environment">
              <Link
                to="/environments/$environmentId"
                params={{ environmentId: run.environment.id }}
                className="truncate rounded hover:underline"
              >
                {run.environment.name}
              </Link>
            </Fact>
          )}
          {run.driver !== null && (
            <Fact icon={Container} title="The sandbox driver">
              {run.driver}
            </Fact>
          )}
        </div>
      </div>
    </>
  );
};
