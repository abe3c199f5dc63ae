import type { RunsOverview } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";
import { Gauge, Layers, MessageCircleQuestion, RotateCw, ShieldX, X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { repositoryAt } from "../runs/repositories.ts";
import { RunBadge } from "../runs/status.tsx";
import { useRetry } from "../runs/use-retry.ts";
import { Button, buttonClasses, IconButton } from "../ui/button.tsx";
import { formatMoment, plural } from "../ui/format.ts";
import { Card, Section } from "../ui/layout.tsx";
import { useStored } from "../ui/stored.ts";
import { TailPath } from "../ui/tail-path.tsx";
import { Ago } from "../ui/time.tsx";
import { describeBatch, describeHold, describeRefusals, endedOf, type Need, needsOf, seeRefusals } from "./needs.ts";
import { seenRefusals } from "./seen-refusals.ts";
import { useDismiss } from "./use-dismiss.ts";

/** What comes below must not be out of sight. */
const SHOWN = 4;

const Item = ({
  badge,
  title,
  where,
  when,
  what,
  next,
  actions,
}: {
  badge: ReactNode;
  title: ReactNode;
  where: string;
  when: string | null;
  what: string;
  next: string;
  actions: ReactNode;
}) => (
  <li className="flex flex-col gap-2 px-4 py-3 sm:flex-row sm:items-start sm:gap-4">
    <div className="min-w-0 flex-1">
      <div className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1">
        {badge}
        <span className="min-w-0 max-w-full truncate font-medium">{title}</span>
        {when !== null && <Ago at={when} className="text-xs text-ink-faint" />}
      </div>
      <TailPath text={where} className="mt-1 text-xs text-ink-soft" />
      <p className="mt-0.5 line-clamp-3 text-pretty [overflow-wrap:anywhere]">{what}</p>
      <p className="text-xs text-pretty text-ink-soft [overflow-wrap:anywhere]">
        <span className="font-medium text-ink">What to do: </span>
        {next}
      </p>
    </div>
    <div className="flex shrink-0 items-center gap-1.5 sm:pt-0.5">{actions}</div>
  </li>
);

const RunLink = ({ run, tab }: { run: { id: string; taskName: string }; tab?: "network" }) => (
  <Link
    to="/runs/$runId"
    params={{ runId: run.id }}
    search={tab === undefined ? {} : { tab, refused: true }}
    className="rounded hover:underline"
    title={run.taskName}
  >
    {run.taskName}
  </Link>
);

/** What should be seen to, each with what to do; nothing when there is nothing. */
export const NeedsYou = ({ overview }: { overview: RunsOverview }) => {
  const [seen, setSeen] = useStored(seenRefusals);
  const [isWhole, setIsWhole] = useState(false);
  const dismiss = useDismiss();
  const retry = useRetry();
  const needs = needsOf(overview, seen);
  const ended = endedOf(needs);
  if (needs.length === 0) return null;

  const itemOf = (need: Need): ReactNode => {
    switch (need.kind) {
      case "waiting":
        return (
          <Item
            key={need.key}
            badge={<RunBadge run={need.run} />}
            title={<RunLink run={need.run} />}
            where={repositoryAt(need.run)}
            when={null}
            what={need.run.outcome?.sentence ?? "It waits for an answer."}
            next={need.run.outcome?.next ?? "Answer it."}
            actions={
              <Link to="/runs/$runId" params={{ runId: need.run.id }} className={buttonClasses("primary", "sm")}>
                <MessageCircleQuestion aria-hidden className="size-3.5" /> Answer
              </Link>
            }
          />
        );
      case "budget":
        return (
          <Item
            key={need.key}
            badge={
              <span className="inline-flex min-h-6 items-center gap-1.5 rounded-xl bg-warn-soft px-2 py-0.75 text-xs font-medium text-warn">
                <Gauge aria-hidden className="size-3.5" /> Day’s budget used up
              </span>
            }
            title="All runs"
            where={`The next day begins ${formatMoment(need.hold.to)}`}
            when={null}
            what={describeHold(need)}
            next="Raise the budget, or let them wait. Nothing is ended by it."
            actions={
              <Link to="/settings/$section" params={{ section: "budgets" }} className={buttonClasses("primary", "sm")}>
                Raise the budget
              </Link>
            }
          />
        );
      case "refused":
        return (
          <Item
            key={need.key}
            badge={
              <span className="inline-flex min-h-6 items-center gap-1.5 rounded-xl bg-warn-soft px-2 py-0.75 text-xs font-medium text-warn">
                <ShieldX aria-hidden className="size-3.5" /> Request refused
              </span>
            }
            title={
              <>
                <RunLink run={need.runs[0]} tab="network" />
                {need.runs.length > 1 && (
                  <span className="font-normal text-ink-soft"> and {plural(need.runs.length - 1, "other run")}</span>
                )}
              </>
            }
            where={repositoryAt(need.runs[0])}
            when={null}
            what={describeRefusals(need.runs)}
            next="Look at its requests. If the work needs this host, allow it."
            actions={
              <>
                <Link
                  to="/runs/$runId"
                  params={{ runId: need.runs[0].id }}
                  search={{ tab: "network", refused: true }}
                  className={buttonClasses("secondary", "sm")}
                >
                  See requests
                </Link>
                <IconButton
                  label={`Dismiss refused requests of ${need.runs[0].taskName}`}
                  onClick={() => setSeen(seeRefusals(seen, need.runs))}
                >
                  <X aria-hidden className="size-3.5" />
                </IconButton>
              </>
            }
          />
        );
      case "ended":
        return (
          <Item
            key={need.key}
            badge={<RunBadge run={need.run} />}
            title={<RunLink run={need.run} />}
            where={repositoryAt(need.run)}
            when={need.run.endedAt}
            what={need.run.outcome?.sentence ?? "It ended badly."}
            next={need.run.outcome?.next ?? "Look at it."}
            actions={
              <>
                <Button size="sm" busy={retry.busyId === need.run.id} onClick={() => retry.launch(need.run.id)}>
                  <RotateCw aria-hidden className="size-3.5" /> Launch again
                </Button>
                <IconButton label={`Dismiss ${need.run.taskName}`} onClick={() => dismiss.mutate({ ids: [need.run.id] })}>
                  <X aria-hidden className="size-3.5" />
                </IconButton>
              </>
            }
          />
        );
      case "batch": {
        const [newest] = need.runs;
        const ids = need.runs.map(({ id }) => id);
        return (
          <Item
            key={need.key}
            badge={
              <span className="inline-flex min-h-6 items-center gap-1.5 rounded-xl bg-bad-soft px-2 py-0.75 text-xs font-medium text-bad">
                <Layers aria-hidden className="size-3.5" /> {plural(ids.length, "run")} of a batch
              </span>
            }
            title={newest?.taskName ?? ""}
            where={[...new Set(need.runs.map(({ repository }) => repository))].slice(0, 3).join(", ")}
            when={newest?.endedAt ?? null}
            what={describeBatch(need.runs)}
            next="Look at what came of each in the batch, and launch again there what is worth it."
            actions={
              <>
                <Link to="/batches/$batchId" params={{ batchId: need.batchId }} className={buttonClasses("secondary", "sm")}>
                  Open the batch
                </Link>
                <IconButton label="Dismiss these runs of a batch" onClick={() => dismiss.mutate({ ids })}>
                  <X aria-hidden className="size-3.5" />
                </IconButton>
              </>
            }
          />
        );
      }
    }
  };

  return (
    <Section
      heading="Needs you"
      count={needs.length}
      action={
        ended.length > 1 ? (
          <Button size="sm" tone="ghost" onClick={() => dismiss.mutate({ ids: ended })}>
            Dismiss all that ended
          </Button>
        ) : undefined
      }
    >
      <Card className="overflow-hidden">
        <ul className="divide-y divide-line">{needs.slice(0, isWhole ? needs.length : SHOWN).map(itemOf)}</ul>
        {needs.length > SHOWN && (
          <div className="border-t border-line px-2 py-1">
            <Button size="sm" tone="ghost" aria-expanded={isWhole} onClick={() => setIsWhole(!isWhole)}>
              {isWhole ? "Show fewer" : `Show ${needs.length - SHOWN} more`}
            </Button>
          </div>
        )}
      </Card>
    </Section>
  );
};
