import { type Allowing, type AuditRecord, allowingOf, hostsOf, isFinal, type Run } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Check, ShieldCheck, ShieldX } from "lucide-react";
import { useEffect } from "react";
import { useApi } from "../../api/client.ts";
import { describeNetwork } from "../../environments/network-words.ts";
import { Button } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { EmptyState, LoadError, Skeleton } from "../../ui/feedback.tsx";
import { formatBytes, formatClock, formatDuration, plural } from "../../ui/format.ts";
import { useWide } from "../../ui/use-wide.ts";
import { VirtualRows } from "../../ui/virtual-rows.tsx";
import { TabButton } from "../tab-button.tsx";
import { REQUESTS_PAGE, readRequests } from "./requests.ts";
import { useAllowHost } from "./use-allow-host.ts";

const COLUMNS = "grid grid-cols-[3.5rem_5rem_minmax(9rem,1.3fr)_minmax(9rem,1fr)_3rem_7.5rem_3rem] items-center gap-3 px-4";
/** Where there is no room for columns: what was decided, for which address, with which answer; below it by which rule, and when. */
const STACKED = "grid grid-cols-[5rem_minmax(0,1fr)_auto] content-center gap-x-3 px-4";

/** What can be done about a refused request. */
const AllowingAction = ({ allowing, address, onAllow }: { allowing: Allowing; address: string; onAllow: () => void }) => {
  switch (allowing?.kind) {
    case "can":
      return (
        <Button
          size="sm"
          className="h-6"
          aria-label={`Allow ${address}`}
          title={`Let this run reach ${address} from now on`}
          onClick={(event) => {
            // The button goes: whoever came to it by keyboard stays in its row.
            event.currentTarget.closest<HTMLElement>("[role=row]")?.focus();
            onAllow();
          }}
        >
          Allow
        </Button>
      );
    case "is":
      return (
        <span
          className="flex shrink-0 items-center gap-1 font-medium text-ok"
          title={`This run may reach ${address} from now on`}
        >
          <Check aria-hidden className="size-3.5" />
          allowed
        </span>
      );
    case "never":
      return <span className="shrink-0 text-ink-faint">cannot be allowed</span>;
    case undefined:
      return null;
  }
};

const RequestRow = ({
  record,
  wide,
  allowing,
  onAllow,
}: {
  record: AuditRecord;
  wide: boolean;
  allowing: Allowing;
  onAllow: () => void;
}) => {
  const refused = record.decision === "refused";
  const address = `${record.host}:${record.port}`;
  const time = <Cell className="nums text-ink-faint">{formatClock(record.at)}</Cell>;
  const decision = (
    <Cell className={classes("flex items-center gap-1.5 font-medium", refused ? "text-warn" : "text-ok")}>
      {refused ? <ShieldX aria-hidden className="size-3.5" /> : <ShieldCheck aria-hidden className="size-3.5" />}
      {record.decision}
    </Cell>
  );
  const where = (
    <Cell className="code truncate" title={`${record.method} ${address}${record.path}`}>
      <span className="text-ink-faint">{record.kind === "connect" ? "" : `${record.method} `}</span>
      {/* What was asked is what tells one request to the model from another: its server is always the same. */}
      {record.kind !== "model" && <span className={refused ? "font-semibold" : ""}>{address}</span>}
      <span className="text-ink-faint">{record.path}</span>
    </Cell>
  );
  const words = allowing?.kind === "never" ? allowing.why : record.rule;
  const rule = (
    <Cell className={classes("flex items-center gap-2 text-ink-soft", !wide && "col-span-2")}>
      <span className="min-w-0 flex-1 truncate" title={words}>
        {words}
      </span>
      <AllowingAction allowing={allowing} address={address} onAllow={onAllow} />
    </Cell>
  );
  const status = <Cell className="nums text-right text-ink-soft">{record.status ?? "open"}</Cell>;
  return (
    // biome-ignore lint/a11y/useSemanticElements: rows of a list that is drawn in part cannot be table rows
    <div
      role="row"
      tabIndex={-1}
      aria-rowindex={record.n + 1}
      className={classes(
        "h-full border-b border-line text-xs",
        wide ? COLUMNS : STACKED,
        refused ? "bg-warn-soft" : "bg-surface",
      )}
    >
      {wide ? (
        <>
          {time}
          {decision}
          {where}
          {rule}
          {status}
          <Cell className="nums text-right whitespace-nowrap text-ink-faint">
            <span title="up">↑ {formatBytes(record.bytesUp)}</span> <span title="down">↓ {formatBytes(record.bytesDown)}</span>
          </Cell>
          <Cell className="nums text-right whitespace-nowrap text-ink-faint">{formatDuration(record.durationMs)}</Cell>
        </>
      ) : (
        <>
          {decision}
          {where}
          {status}
          {time}
          {rule}
        </>
      )}
    </div>
  );
};

const Cell = ({ className, title, children }: { className?: string; title?: string; children: React.ReactNode }) => (
  // biome-ignore lint/a11y/useSemanticElements: cells of a list that is drawn in part cannot be table cells
  <span role="cell" className={classes("min-w-0", className)} title={title}>
    {children}
  </span>
);

const HEADINGS = ["Time", "Decision", "Address", "Rule", "Status", "Bytes", "Took"];
const STACKED_HEADINGS = ["Decision", "Address", "Status", "Time", "Rule"];

/** Every request that went, or wanted to go, out of a run's sandbox. */
export const NetworkView = ({ run }: { run: Run }) => {
  const { trpc, client, queries } = useApi();
  const refusedOnly = useSearch({ strict: false }).refused === true;
  const navigate = useNavigate();
  const setRefusedOnly = (isOn: boolean): void =>
    void navigate({
      from: "/runs/$runId",
      to: ".",
      search: isOn ? { tab: "network", refused: true } : { tab: "network" },
      replace: true,
      resetScroll: false,
    });
  const wide = useWide();
  const allow = useAllowHost(run);
  const ended = isFinal(run.status);
  const queryKey = [...trpc.runs.requests.queryKey({ id: run.id }), "all"];
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      readRequests(queries.getQueryData<readonly AuditRecord[]>(queryKey) ?? [], (after) =>
        client.runs.requests.query({ id: run.id, after, limit: REQUESTS_PAGE }, { signal }),
      ),
    refetchInterval: ended ? false : 2000,
  });
  const { refetch } = query;
  // The last requests came between the last look and the end.
  useEffect(() => {
    if (ended) void refetch();
  }, [ended, refetch]);
  if (query.data === undefined) {
    return query.error === null ? <Skeleton rows={6} /> : <LoadError error={query.error} onRetry={() => query.refetch()} />;
  }
  const refused = query.data.filter(({ decision }) => decision === "refused");
  const preset = describeNetwork(run);
  const ofEnvironment = hostsOf(run.environment?.allowedHosts ?? []);
  if (query.data.length === 0) {
    return (
      <EmptyState
        icon={ShieldCheck}
        title={ended ? "Nothing was asked for" : "No request yet"}
        action={<TabButton run={run} tab="transcript" />}
      >
        A sandbox has no network. What it asks the gateway for {ended ? "would show" : "shows"} here, allowed or refused.{" "}
        {`${preset}.`}
      </EmptyState>
    );
  }
  const shown = refusedOnly ? refused : query.data;
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line px-4 py-2.5">
        <p className="min-w-0 flex-1">
          {plural(query.data.length, "request")}
          {refused.length > 0 && <span className="font-medium text-warn">, {refused.length} refused</span>}
          <span className="text-ink-soft [overflow-wrap:anywhere]">
            . {preset}
            {ofEnvironment.length > 0 && `. Named by its environment: ${ofEnvironment.join(", ")}`}
          </span>
          {run.allowedHosts.length > 0 && (
            <span className="text-ink-soft [overflow-wrap:anywhere]">
              . Allowed for this run: {hostsOf(run.allowedHosts).join(", ")}
            </span>
          )}
        </p>
        <label className="flex items-center gap-2 text-xs font-medium text-ink-soft">
          <input
            type="checkbox"
            className="accent-accent"
            checked={refusedOnly}
            onChange={(event) => setRefusedOnly(event.target.checked)}
          />
          Refused only
        </label>
      </div>
      {shown.length === 0 ? (
        <EmptyState
          icon={ShieldCheck}
          title="Nothing was refused"
          action={<Button onClick={() => setRefusedOnly(false)}>Show {plural(query.data.length, "request")}</Button>}
        />
      ) : (
        <VirtualRows
          label="Requests"
          rows={shown.length + 1}
          count={shown.length}
          // The list keeps the heights that it was made with.
          key={wide ? "columns" : "stacked"}
          rowHeight={wide ? 32 : 52}
          {...(wide ? { minWidth: "47rem" } : {})}
          header={
            // biome-ignore lint/a11y/useSemanticElements: a list that is drawn in part cannot be a table
            <div
              role="row"
              tabIndex={-1}
              className={wide ? classes("h-8 border-b border-line bg-sunken text-xs text-ink-faint", COLUMNS) : "sr-only"}
            >
              {(wide ? HEADINGS : STACKED_HEADINGS).map((heading, index) => (
                // biome-ignore lint/a11y/useSemanticElements: see above
                // biome-ignore lint/a11y/useFocusableInteractive: a heading is read, not acted on
                <span key={heading} role="columnheader" className={index > 3 ? "text-right" : ""}>
                  {heading}
                </span>
              ))}
            </div>
          }
          render={(index) => {
            const record = shown[index];
            if (record === undefined) return null;
            const { host, port } = record;
            return (
              <RequestRow record={record} wide={wide} allowing={allowingOf(run, record)} onAllow={() => allow(host, port)} />
            );
          }}
        />
      )}
    </div>
  );
};
