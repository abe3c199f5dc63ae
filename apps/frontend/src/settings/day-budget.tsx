import { type DayBudget, SetBudgetsInput } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useApi } from "../api/client.ts";
import { useServerInfo } from "../api/server-info.ts";
import { useAppearance } from "../ui/appearance.ts";
import { Button } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { LoadError, Skeleton } from "../ui/feedback.tsx";
import { Field, Select, TextInput } from "../ui/field.tsx";
import { formatCost, formatMoment, plural } from "../ui/format.ts";
import { Card, Section } from "../ui/layout.tsx";
import { isAmbiguous, numberOf } from "../ui/number-of.ts";
import { useSetBudgets } from "./use-set-budgets.ts";

const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** What was spent of it, as a bar. Without a ceiling there is nothing of which it could be a part. */
const Used = ({ today: { dayUsd, spentUsd, isUsedUp, to } }: { today: DayBudget }) => (
  <div className="flex flex-col gap-2">
    {dayUsd !== null && (
      <div aria-hidden className="h-2 overflow-hidden rounded-full bg-hover">
        <div
          className={classes("h-full rounded-full", isUsedUp ? "bg-bad" : "bg-accent")}
          style={{ width: `${Math.min(100, (spentUsd / dayUsd) * 100)}%` }}
        />
      </div>
    )}
    <p className="nums flex flex-wrap justify-between gap-x-3 text-xs text-ink-soft">
      <span className={isUsedUp ? "font-medium text-bad" : ""}>
        {formatCost(spentUsd)} {dayUsd === null ? "spent today, without a ceiling" : `of ${formatCost(dayUsd)} spent today`}
        {isUsedUp && ": runs wait"}
      </span>
      <span className="text-ink-faint">The next day begins {formatMoment(to)}</span>
    </p>
  </div>
);

const BudgetForm = ({ today }: { today: DayBudget }) => {
  const set = useSetBudgets();
  /** What was typed and is not kept yet; null: nothing. */
  const [draft, setDraft] = useState<{ amount: string; zone: string } | null>(null);
  const [problem, setProblem] = useState<string>();
  const { dayUsd } = today;
  const own = useAppearance("zone") === "utc" ? "UTC" : HERE;
  // A day that nobody has chosen yet had best be the reader's own.
  const shown = draft ?? { amount: dayUsd === null ? "" : String(dayUsd), zone: dayUsd === null ? own : today.zone };
  const change = (part: Partial<typeof shown>): void => {
    setProblem(undefined);
    setDraft({ ...shown, ...part });
  };
  const save = (): void => {
    const amount = shown.amount.trim().replace(/^\$/, "");
    const input = SetBudgetsInput.safeParse({ dayUsd: numberOf(amount), zone: shown.zone });
    // What is typed while it is on its way stays.
    if (input.success) set.mutate(input.data, { onSuccess: () => setDraft((now) => (now === draft ? null : now)) });
    else if (isAmbiguous(amount))
      setProblem(`Write ${amount.replace(",", "")} or ${amount.replace(",", ".")}: the comma may mean either`);
    else setProblem("Give an amount from 0.01 to 100,000 US dollars");
  };
  return (
    <form
      noValidate
      aria-label="Budget of a day"
      className="flex flex-wrap items-start gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <Field label="US dollars a day" error={problem} className="w-40">
        {(parts) => (
          <TextInput
            {...parts}
            inputMode="decimal"
            placeholder="20"
            value={shown.amount}
            onChange={({ target }) => change({ amount: target.value })}
          />
        )}
      </Field>
      <Field label="A day begins at midnight in" className="w-56">
        {(parts) => (
          <Select {...parts} value={shown.zone} onChange={({ target }) => change({ zone: target.value })}>
            {[...new Set([HERE, "UTC", today.zone])].map((zone) => (
              <option key={zone} value={zone}>
                {zone}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <div className="flex gap-2 max-sm:basis-full sm:pt-6">
        <Button type="submit" tone="primary" busy={set.isPending} disabled={draft === null}>
          Save
        </Button>
        {dayUsd !== null && (
          <Button
            disabled={set.isPending}
            onClick={() => {
              setProblem(undefined);
              setDraft(null);
              set.mutate({ dayUsd: null });
            }}
          >
            Remove
          </Button>
        )}
      </div>
    </form>
  );
};

/** The ceiling over what all runs of a day may cost: what is used of it, and the way to change it. */
export const DayBudgetSection = () => {
  const { trpc } = useApi();
  const info = useServerInfo();
  const today = useQuery(trpc.server.budgets.queryOptions(undefined, { refetchInterval: 10_000 }));
  return (
    <Section heading="Budget of a day">
      <Card className="flex flex-col gap-4 p-4 sm:p-5">
        {today.data !== undefined ? (
          <>
            <Used today={today.data} />
            <BudgetForm today={today.data} />
          </>
        ) : today.error === null ? (
          <Skeleton />
        ) : (
          <LoadError error={today.error} onRetry={() => today.refetch()} />
        )}
      </Card>
      <p className="text-xs text-pretty text-ink-faint">
        It counts what is spent on the day itself, also by runs that end later. When it is used up, no queued run starts, and one
        that goes on waits before its next step or attempt; all go on by themselves on the next day, or when the budget is raised
        or removed. Nothing is ended. What Claude Code is in the middle of is finished first, and its cost is known only then, so
        that a day may cost more: by what {info === undefined ? "the runs" : `up to ${plural(info.maxConcurrentRuns, "run")}`}{" "}
        that go on at once still use. A budget of each run bounds that.
      </p>
    </Section>
  );
};
