import { isFinal, type Run } from "@ccr/protocol";
import { Gauge } from "lucide-react";
import type { ReactNode } from "react";
import { useServerInfo } from "../../api/server-info.ts";
import { classes } from "../../ui/classes.ts";
import { EmptyState } from "../../ui/feedback.tsx";
import { formatCost, formatCount, formatElapsed } from "../../ui/format.ts";
import { Elapsed } from "../../ui/time.tsx";
import { describeCost } from "../cost.tsx";
import type { RunStream } from "../page/use-run-stream.ts";
import { TabButton } from "../tab-button.tsx";
import { type AttemptUsage, plus, type Used } from "./figures.ts";

const HEAD = "px-2 py-2 text-right text-2xs font-medium text-ink-faint first:pl-3 first:text-left last:pr-3 sm:px-3";
const CELL = "nums px-2 py-2 text-right whitespace-nowrap last:pr-3 sm:px-3";

// Where there is no room for all.
const DETAIL = "hidden sm:table-cell";
const DETAILS: readonly string[] = ["Calls", "Cache read", "Cache write"];

const Tokens = ({ count, isDetail = false }: { count: number; isDetail?: boolean }) => (
  <td className={classes(CELL, isDetail && DETAIL)} title={count.toLocaleString("en")}>
    {count === 0 ? <span className="text-ink-faint">–</span> : formatCount(count)}
  </td>
);

const Figures = ({ used, demo }: { used: Used; demo: boolean }) => (
  <>
    <td className={classes(CELL, DETAIL)}>
      {used.turns === 0 ? <span className="text-ink-faint">–</span> : used.turns.toLocaleString("en")}
    </td>
    <ModelFigures used={used} demo={demo} />
  </>
);

const ModelFigures = ({ used, demo }: { used: Used; demo: boolean }) => (
  <>
    <Tokens count={used.inputTokens} />
    <Tokens count={used.cacheReadTokens} isDetail />
    <Tokens count={used.cacheWriteTokens} isDetail />
    <Tokens count={used.outputTokens} />
    <td className={CELL}>{demo ? "simulated" : formatCost(used.costUsd)}</td>
  </>
);

const Table = ({ caption, head, children }: { caption: string; head: readonly string[]; children: ReactNode }) => (
  <section aria-label={caption} className="flex flex-col gap-2">
    <h2 className="font-medium">{caption}</h2>
    <section
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={`${caption}, scrollable`}
      className="inset-ring-focus overflow-x-auto rounded-lg border border-line bg-surface"
    >
      <table className="w-full text-sm">
        <thead>
          <tr className="border-b border-line">
            {head.map((name) => (
              <th key={name} scope="col" className={classes(HEAD, DETAILS.includes(name) && DETAIL)}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-line">{children}</tbody>
      </table>
    </section>
  </section>
);

const Name = ({ children }: { children: ReactNode }) => (
  <th scope="row" className="py-2 pr-2 pl-3 text-left font-normal whitespace-nowrap sm:pr-3">
    {children}
  </th>
);

const isUsed = ({ inputTokens, outputTokens, turns }: Used): boolean => inputTokens + outputTokens + turns > 0;

const AttemptRows = ({
  of,
  isOnly,
  demo,
  endedAt,
}: {
  of: AttemptUsage;
  isOnly: boolean;
  demo: boolean;
  endedAt: string | null;
}) => (
  <>
    <tr>
      <Name>
        Step {of.stepIndex + 1}
        {!isOnly && <span className="text-ink-faint">, attempt {of.attempt}</span>}
      </Name>
      <td className={CELL}>
        <Elapsed from={of.startedAt} to={of.endedAt ?? endedAt} />
      </td>
      <Figures used={of.agent} demo={demo} />
    </tr>
    {isUsed(of.judge) && (
      <tr>
        <Name>
          <span className="pl-4 text-ink-soft">its judge</span>
        </Name>
        <td className={CELL} />
        <Figures used={of.judge} demo={demo} />
      </tr>
    )}
  </>
);

const Card = ({ label, value, note }: { label: string; value: ReactNode; note?: string | undefined }) => (
  <div className="rounded-lg border border-line bg-surface px-4 py-3">
    <dt className="text-xs text-ink-faint">{label}</dt>
    <dd className="nums text-lg font-semibold">{value}</dd>
    {note !== undefined && <dd className="text-2xs text-ink-faint">{note}</dd>}
  </div>
);

const TOKENS = ["Input", "Cache read", "Cache write", "Output", "Cost"];

/** What a run has used: in all, by step and attempt, and by model. */
export const UsageView = ({ run, stream }: { run: Run; stream: Pick<RunStream, "transcript" | "earlier"> }) => {
  const demo = useServerInfo()?.demo ?? false;
  const { attempts, models, going } = stream.transcript.usage;
  const { usage } = run;
  const ended = isFinal(run.status);
  if (attempts.length === 0 && usage.turns === 0 && !isUsed(going)) {
    return (
      <EmptyState
        icon={Gauge}
        title={ended ? "Nothing was used" : "Nothing used yet"}
        action={<TabButton run={run} tab="transcript" />}
      >
        {ended ? "The run ended before the model was asked." : "Tokens, time and cost show here once Claude Code works."}
      </EmptyState>
    );
  }
  const isGoing = !ended && isUsed(going);
  const told = [...models.values()].reduce(plus, { ...going, turns: 0 });
  const since = run.startedAt ?? run.createdAt;
  return (
    <div className="mx-auto flex w-full max-w-4xl flex-col gap-6 p-4 sm:p-6">
      <dl className="grid grid-cols-2 gap-3 sm:grid-cols-4">
        <Card label="Cost" value={describeCost(usage, demo)} note={usage.judges === undefined ? undefined : "judges included"} />
        <Card
          label="Tokens in"
          value={formatCount(
            Math.max(
              usage.inputTokens,
              stream.earlier === null ? told.inputTokens + told.cacheReadTokens + told.cacheWriteTokens : 0,
            ),
          )}
          note={
            told.cacheReadTokens > 0 && stream.earlier === null
              ? `${formatCount(told.cacheReadTokens)} of them from the cache`
              : undefined
          }
        />
        <Card
          label="Tokens out"
          value={formatCount(Math.max(usage.outputTokens, stream.earlier === null ? told.outputTokens : 0))}
        />
        <Card
          label="Time"
          value={
            run.endedAt === null ? <Elapsed from={since} to={null} /> : formatElapsed(Date.parse(run.endedAt) - Date.parse(since))
          }
          note={usage.turns === 0 ? undefined : `${usage.turns.toLocaleString("en")} model calls`}
        />
      </dl>
      {isGoing && (
        <p className="text-xs text-ink-soft">
          The turn that goes on has used about {formatCount(going.inputTokens + going.cacheReadTokens + going.cacheWriteTokens)}{" "}
          tokens in and {formatCount(going.outputTokens)} out so far. The tables have it when it has ended.
        </p>
      )}
      {stream.earlier !== null ? (
        <p className="text-xs text-ink-soft">The parts of it show when the whole transcript is read.</p>
      ) : (
        <>
          <Table caption="By step" head={["Step", "Time", "Calls", ...TOKENS]}>
            {attempts.map((of) => (
              <AttemptRows
                key={`${of.stepIndex}/${of.attempt}/${of.startedAt}`}
                of={of}
                isOnly={attempts.filter(({ stepIndex }) => stepIndex === of.stepIndex).length === 1}
                demo={demo}
                endedAt={run.endedAt}
              />
            ))}
          </Table>
          {models.size > 0 && (
            <Table caption="By model" head={["Model", ...TOKENS]}>
              {[...models].map(([model, used]) => (
                <tr key={model}>
                  <Name>
                    <span className="code">{model}</span>
                  </Name>
                  <ModelFigures used={used} demo={demo} />
                </tr>
              ))}
            </Table>
          )}
        </>
      )}
    </div>
  );
};
