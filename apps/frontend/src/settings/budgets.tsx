import { RunLimits, type Spend } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useApi } from "../api/client.ts";
import { useServerInfo } from "../api/server-info.ts";
import { useAppearance } from "../ui/appearance.ts";
import { LoadError, Skeleton } from "../ui/feedback.tsx";
import { formatBytes, formatCost, formatDay, formatDuration, plural } from "../ui/format.ts";
import { Card, Section } from "../ui/layout.tsx";
import { DayBudgetSection } from "./day-budget.tsx";
import { dayBoundaries, sumOf } from "./spans.ts";

const DAYS = 30;
const WEEK = 7;

const Figure = ({ label, runs, costUsd }: { label: string; runs: number; costUsd: number }) => (
  <div className="flex flex-col gap-0.5 px-4 py-3">
    <dt className="text-xs text-ink-faint">{label}</dt>
    <dd className="nums text-lg font-semibold">{formatCost(costUsd)}</dd>
    <dd className="nums text-xs text-ink-faint">{plural(runs, "run")}</dd>
  </div>
);

/** A bar for each day, and the same as a table for who cannot see bars. */
const Days = ({ spans }: { spans: Spend["spans"] }) => {
  const most = Math.max(...spans.map(({ costUsd }) => costUsd), 0.01);
  return (
    <figure className="flex flex-col gap-2 px-4 py-4">
      <div aria-hidden className="flex h-24 items-end gap-0.5 sm:gap-1">
        {spans.map(({ from, costUsd, runs }) => (
          <div
            key={from}
            title={`${formatDay(from)}: ${formatCost(costUsd)}, ${plural(runs, "run")}`}
            className="flex h-full min-w-0 flex-1 items-end rounded-sm hover:bg-hover"
          >
            <div
              className="w-full rounded-sm bg-accent"
              style={{ height: costUsd === 0 ? 1 : `max(3px, ${(costUsd / most) * 100}%)` }}
            />
          </div>
        ))}
      </div>
      <figcaption aria-hidden className="flex justify-between text-2xs text-ink-faint">
        <span>{spans[0] === undefined ? "" : formatDay(spans[0].from)}</span>
        <span>up to {formatCost(most)} a day</span>
        <span>today</span>
      </figcaption>
      <table className="sr-only">
        <caption>What runs cost, by the day on which they ended</caption>
        <thead>
          <tr>
            <th scope="col">Day</th>
            <th scope="col">Cost</th>
            <th scope="col">Runs</th>
          </tr>
        </thead>
        <tbody>
          {spans
            .filter(({ runs }) => runs > 0)
            .map(({ from, costUsd, runs }) => (
              <tr key={from}>
                <th scope="row">{formatDay(from)}</th>
                <td>{formatCost(costUsd)}</td>
                <td>{runs}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </figure>
  );
};

const SpendSection = () => {
  const { trpc } = useApi();
  const isDemo = useServerInfo()?.demo === true;
  // The days stay those of when one came, so that the question stays the same.
  const [now] = useState(() => new Date());
  const zone = useAppearance("zone");
  const boundaries = dayBoundaries(now, DAYS, zone);
  const spend = useQuery(trpc.server.spend.queryOptions({ boundaries }, { refetchInterval: 30_000 }));
  return (
    <Section heading="What runs cost">
      <Card className="overflow-hidden">
        {spend.data !== undefined ? (
          <>
            <dl className="grid grid-cols-2 border-b border-line sm:grid-cols-4 sm:divide-x sm:divide-line">
              <Figure label="Today" {...sumOf(spend.data.spans, 1)} />
              <Figure label="Last 7 days" {...sumOf(spend.data.spans, WEEK)} />
              <Figure label="Last 30 days" {...sumOf(spend.data.spans, DAYS)} />
              <Figure label="Going on now" {...spend.data.going} />
            </dl>
            <Days spans={spend.data.spans} />
          </>
        ) : spend.error === null ? (
          <Skeleton />
        ) : (
          <LoadError error={spend.error} onRetry={() => spend.refetch()} />
        )}
      </Card>
      <p className="text-xs text-pretty text-ink-faint">
        {isDemo && "In demo mode nothing is paid: this is what the scripted model pretends to cost. "}A run counts on the day on
        which it ended, with all that it cost. These are Claude Code’s own figures, at the prices of the API; with a subscription
        nothing of it is billed.
      </p>
    </Section>
  );
};

const MB = 1024 * 1024;

/** What a launch gets when it says nothing else, in words. Pure. */
const limitRows = (limits: RunLimits): { label: string; value: string; what: string }[] => [
  {
    label: "Money",
    value: limits.budgetUsd === null ? "no ceiling" : formatCost(limits.budgetUsd),
    what: "Of the whole run. When it is reached, the run ends and keeps its work.",
  },
  { label: "Time", value: formatDuration(limits.timeSeconds * 1000), what: "From the start to the end." },
  { label: "Turns", value: limits.turns.toLocaleString("en"), what: "Of the model, for each step." },
  { label: "Attempts", value: String(limits.maxAttempts), what: "At a step whose checks fail." },
  {
    label: "Without a sign of life",
    value: formatDuration(limits.stallSeconds * 1000),
    what: "After that the agent counts as stalled.",
  },
  { label: "A check", value: formatDuration(limits.checkSeconds * 1000), what: "One command may take this long." },
  {
    label: "Sandbox",
    value: `${formatBytes(limits.memoryMb * MB)}, ${plural(limits.cpus, "processor")}`,
    what: `At most ${plural(limits.processes, "process", "processes")} and ${formatBytes(limits.diskMb * MB)} of disk.`,
  },
];

const Defaults = () => {
  const info = useServerInfo();
  return (
    <Section heading="Limits of a run">
      <Card>
        <dl className="divide-y divide-line">
          {limitRows(RunLimits.parse({})).map(({ label, value, what }) => (
            <div
              key={label}
              className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 px-4 py-2.5 sm:grid-cols-[11rem_9rem_minmax(0,1fr)]"
            >
              <dt className="font-medium">{label}</dt>
              <dd className="nums text-right sm:text-left">{value}</dd>
              <dd className="col-span-2 text-xs text-ink-faint sm:col-span-1 sm:text-sm">{what}</dd>
            </div>
          ))}
        </dl>
      </Card>
      <p className="text-xs text-pretty text-ink-faint">
        A launch may set each of them otherwise.
        {info !== undefined && ` At most ${plural(info.maxConcurrentRuns, "run")} may go on at once.`}
      </p>
    </Section>
  );
};

/** What bounds a day and what bounds a run, and what runs cost, day by day. */
export const Budgets = () => (
  <>
    <DayBudgetSection />
    <SpendSection />
    <Defaults />
  </>
);
