import { RUN_SORTS, type Run, type RunCounts, type RunStatus } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Search, X } from "lucide-react";
import { useEffect, useState } from "react";
import { useApi } from "../../api/client.ts";
import { useKnownRepositories } from "../../launch/repository-input.tsx";
import { IconButton } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { Select, TextInput } from "../../ui/field.tsx";
import { formatCount } from "../../ui/format.ts";
import {
  PERIOD_NAMES,
  parseRunsSearch,
  type RunsSearch,
  STATUS_GROUP_NAMES,
  STATUS_GROUPS,
  type StatusChoice,
  withPart,
} from "../filter.ts";
import { ACTIVE_LABELS, PERIOD_LABELS, SORT_LABELS, STATUS_GROUP_LABELS } from "./labels.ts";

/** A person who types is not asked for after each letter. */
const TYPED_MS = 300;

const sum = (counts: RunCounts, statuses: readonly RunStatus[] | null): number =>
  (statuses ?? Object.values(STATUS_GROUPS).flat()).reduce((total, status) => total + (counts.statuses[status] ?? 0), 0);

/** The address as it is when it is changed: one that was drawn may lack what was typed a moment ago. */
const changed = (part: Parameters<typeof withPart>[1]) => (before: Record<string, unknown>) =>
  withPart(parseRunsSearch(before), part);

const Choice = ({
  choice,
  label,
  count,
  isOn,
  minor = false,
}: {
  choice: StatusChoice | undefined;
  label: string;
  count: string;
  isOn: boolean;
  minor?: boolean;
}) => (
  <Link
    to="/runs"
    search={changed({ status: choice })}
    replace
    activeOptions={{ exact: true }}
    aria-current={isOn ? "true" : undefined}
    className={classes(
      "inline-flex h-7 shrink-0 items-center gap-1.5 rounded-full px-3 text-xs font-medium transition-colors",
      isOn ? (minor ? "bg-accent-soft text-accent" : "bg-ink text-page") : "text-ink-soft hover:bg-hover hover:text-ink",
    )}
  >
    {label}
    {count !== "" && <span className={classes("nums font-normal", !isOn && "text-ink-faint")}>{count}</span>}
  </Link>
);

/** The statuses, each with how many runs have it that fit the other filters. */
const StatusFilter = ({ search, counts }: { search: RunsSearch; counts: RunCounts | undefined }) => {
  const countOf = (statuses: readonly RunStatus[] | null): string => {
    if (counts === undefined) return "";
    const count = sum(counts, statuses);
    return `${formatCount(count)}${counts.isWhole ? "" : "+"}`;
  };
  const isActive = STATUS_GROUPS.active.some((status) => status === search.status) || search.status === "active";
  return (
    <nav aria-label="Filter by status" className="-mx-1 flex max-w-full flex-wrap gap-1 px-1 py-1">
      <Choice choice={undefined} label="All" count={countOf(null)} isOn={search.status === undefined} />
      {STATUS_GROUP_NAMES.map((group) => (
        <Choice
          key={group}
          choice={group}
          label={STATUS_GROUP_LABELS[group]}
          count={countOf(STATUS_GROUPS[group])}
          isOn={search.status === group || (group === "active" && isActive)}
        />
      ))}
      {isActive && (
        <span className="flex flex-wrap gap-1 sm:border-l sm:border-line sm:pl-1">
          {STATUS_GROUPS.active.map((status) => (
            <Choice
              key={status}
              choice={search.status === status ? "active" : status}
              label={ACTIVE_LABELS[status]}
              count={countOf([status])}
              isOn={search.status === status}
              minor
            />
          ))}
        </span>
      )}
    </nav>
  );
};

/** Words to look for; the address has them a moment after they were typed. */
const TextFilter = ({ search, onChange }: { search: RunsSearch; onChange: (q: string) => void }) => {
  const there = search.q ?? "";
  const [held, setHeld] = useState({ there, text: there });
  // Whoever goes back in the browser's history sees what was looked for then.
  if (held.there !== there) setHeld({ there, text: held.text.trim() === there ? held.text : there });
  const { text } = held;
  useEffect(() => {
    if (text.trim() === there) return;
    const timer = setTimeout(() => onChange(text.trim()), TYPED_MS);
    return () => clearTimeout(timer);
  }, [text, there, onChange]);
  return (
    <search className="relative min-w-0 flex-1 basis-56">
      <Search aria-hidden className="pointer-events-none absolute top-2.25 left-2.5 size-3.5 text-ink-faint" />
      <TextInput
        type="search"
        aria-label="Search runs"
        placeholder="Search names, instructions, repositories, outcomes"
        // With a button of the page's own to clear it, which can be reached by keyboard.
        className="pr-8 pl-8 [&::-webkit-search-cancel-button]:hidden"
        maxLength={200}
        value={text}
        onChange={({ target }) => setHeld({ there, text: target.value })}
        onKeyDown={(event) => {
          if (event.key === "Escape") setHeld({ there, text: "" });
        }}
      />
      {text !== "" && (
        <IconButton
          label="Clear the search"
          className="absolute top-0.5 right-0.5"
          onClick={() => {
            setHeld({ there, text: "" });
            onChange("");
          }}
        >
          <X aria-hidden className="size-3.5" />
        </IconButton>
      )}
    </search>
  );
};

/**
 * A choice among things of which runs are, by their ids. Runs outlive these: one that is chosen and not listed is called as the runs call it, or else
 * `unlisted`.
 */
const ByIdFilter = ({
  label,
  every,
  listed,
  chosen,
  chosenName,
  unlisted,
  onChange,
}: {
  label: string;
  every: string;
  listed: readonly { id: string; name: string }[] | undefined;
  chosen: string | undefined;
  chosenName: string | undefined;
  unlisted: string;
  onChange: (id: string | undefined) => void;
}) => {
  const names = new Map((listed ?? []).map(({ id, name }) => [id, name]));
  if (chosen !== undefined && !names.has(chosen)) names.set(chosen, chosenName ?? unlisted);
  return (
    <Select
      aria-label={label}
      className="sm:w-44"
      value={chosen ?? ""}
      onChange={({ target }) => onChange(target.value === "" ? undefined : target.value)}
    >
      <option value="">{every}</option>
      {[...names].map(([id, name]) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </Select>
  );
};

/** Which runs are shown, and in which order. All of it stands in the address. */
export const RunFilters = ({
  search,
  counts,
  runs,
}: {
  search: RunsSearch;
  counts: RunCounts | undefined;
  runs: readonly Run[];
}) => {
  const navigate = useNavigate();
  const { trpc } = useApi();
  const tasks = useQuery(trpc.tasks.list.queryOptions());
  const environments = useQuery(trpc.environments.list.queryOptions());
  const known = (useKnownRepositories() ?? []).map(({ value }) => value);
  const repositories = search.repo === undefined || known.includes(search.repo) ? known : [search.repo, ...known];
  const set = (part: Parameters<typeof withPart>[1]): void =>
    void navigate({ to: "/runs", search: changed(part), replace: true });
  const [setText] = useState(() => (q: string) => set({ q: q === "" ? undefined : q }));
  return (
    <div className="flex flex-col gap-2">
      <div className="flex flex-wrap items-center gap-2">
        <TextFilter search={search} onChange={setText} />
        <div className="grid min-w-0 flex-auto grid-cols-2 gap-2 sm:flex sm:flex-none">
          <ByIdFilter
            label="Filter by task"
            every="Every task"
            listed={tasks.data}
            chosen={search.task}
            chosenName={runs.find(({ taskId }) => taskId === search.task)?.taskName}
            unlisted="a task that is not listed"
            onChange={(task) => set({ task })}
          />
          <Select
            aria-label="Filter by repository"
            className="sm:w-44"
            value={search.repo ?? ""}
            onChange={({ target }) => set({ repo: target.value === "" ? undefined : target.value })}
          >
            <option value="">Every repository</option>
            {repositories.map((repository) => (
              <option key={repository} value={repository}>
                {repository}
              </option>
            ))}
          </Select>
          {(search.env !== undefined || (environments.data ?? []).length > 0) && (
            <ByIdFilter
              label="Filter by environment"
              every="Any environment"
              listed={environments.data}
              chosen={search.env}
              chosenName={runs.find(({ environment }) => environment?.id === search.env)?.environment?.name}
              unlisted="one that is not listed"
              onChange={(env) => set({ env })}
            />
          )}
          <Select
            aria-label="Filter by time"
            className="sm:w-36"
            value={search.period ?? ""}
            onChange={({ target }) => set({ period: PERIOD_NAMES.find((name) => name === target.value) })}
          >
            <option value="">Any time</option>
            {PERIOD_NAMES.map((name) => (
              <option key={name} value={name}>
                {PERIOD_LABELS[name]}
              </option>
            ))}
          </Select>
          <Select
            aria-label="Sort"
            // On a phone, one that is left over takes the row.
            className="last:odd:col-span-2 sm:w-40"
            value={search.sort ?? "newest"}
            onChange={({ target }) => set({ sort: RUN_SORTS.find((sort) => sort === target.value) })}
          >
            {RUN_SORTS.map((sort) => (
              <option key={sort} value={sort}>
                {SORT_LABELS[sort]}
              </option>
            ))}
          </Select>
        </div>
      </div>
      <StatusFilter search={search} counts={counts} />
    </div>
  );
};
