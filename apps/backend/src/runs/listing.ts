import {
  ATTENTION_DAYS,
  allowingOf,
  holdOf,
  isFinal,
  type ListedRun,
  outcomeOf,
  type QueuePlace,
  type Refusals,
  RUN_STATUSES,
  type RunId,
  type RunsOverview,
  type RunView,
} from "@ccr/protocol";
import type { QueuedOf, RunRow } from "../store/listing-types.ts";
import type { Store } from "../store/types.ts";
import type { RunDeps } from "./deps.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Listing } from "./types.ts";

const GOING = RUN_STATUSES.filter((status) => status !== "queued" && status !== "waiting" && !isFinal(status));
const DAY_MS = 24 * 3600 * 1000;
// What one look takes in: more is a matter for the list of runs.
const ATTENTION_MOST = 100;
const RUNNING_MOST = 20;
const WAITING_MOST = 50;
const QUEUED_MOST = 5;
// Pages ask every few seconds, and tell of each that ended in between.
const RECENT_MOST = 20;
const REFUSED_LOOKED_AT = 200;
const HOSTS_MOST = 5;
const BRIEF_CHARACTERS = 200;

type Places = ReadonlyMap<RunId, QueuePlace>;

const listed = (run: RunRow, places: Places): ListedRun => ({
  ...run,
  queue: (run.status === "queued" ? places.get(run.id) : null) ?? null,
  outcome: outcomeOf(run),
});

/** The queue as people see it: those that were launched by themselves one by one, those of a batch together. Pure. */
export const groupQueue = (
  queued: readonly QueuedOf[],
  places: Places,
): { single: RunId[]; batches: RunsOverview["queued"]["batches"] } => {
  const inOrder = queued
    .flatMap((each) => {
      const position = places.get(each.id)?.position;
      return position === undefined ? [] : [{ ...each, position }];
    })
    .toSorted((one, other) => one.position - other.position);
  const batches = new Map<string, RunsOverview["queued"]["batches"][number]>();
  for (const { batch, position } of inOrder) {
    if (batch === null) continue;
    const known = batches.get(batch.id);
    batches.set(batch.id, known === undefined ? { ...batch, position, count: 1 } : { ...known, count: known.count + 1 });
  }
  return { single: inOrder.flatMap(({ id, batch }) => (batch === null ? [id] : [])), batches: [...batches.values()] };
};

/** Pages ask for it every few seconds, and show nothing of what was asked for: of a long text, its beginning is enough. */
const brief = (run: ListedRun): ListedRun => ({
  ...run,
  steps: run.steps.map((step) => ({
    instructions: step.instructions.slice(0, BRIEF_CHARACTERS),
    checks: step.checks.slice(0, BRIEF_CHARACTERS),
  })),
});

/** Of the last requests that a run was refused, those about which something can be done. */
const refusalsOf = async (store: Pick<Store, "audit">, run: RunRow): Promise<Refusals> => {
  const newest = await store.audit.newestRefused(run.id, REFUSED_LOOKED_AT);
  const refused = newest.filter((record) => allowingOf(run, record)?.kind === "can");
  const hosts = [...new Set(refused.map(({ host }) => host))].slice(0, HOSTS_MOST);
  return { count: refused.length, hosts, last: refused[0]?.n ?? 0 };
};

/** The same, read again only when something about it has changed: pages ask every few seconds, and most runs were refused nothing since. */
const createRefusals = (store: Pick<Store, "audit">) => {
  let known: ReadonlyMap<RunId, { stand: string; refusals: Refusals }> = new Map();
  const look = async (run: RunRow): Promise<{ stand: string; refusals: Refusals }> => {
    const [newest] = await store.audit.newestRefused(run.id, 1);
    const stand = JSON.stringify([newest?.n ?? 0, run.status, run.startedAt, run.allowedHosts]);
    const before = known.get(run.id);
    return before?.stand === stand ? before : { stand, refusals: await refusalsOf(store, run) };
  };
  return async (runs: readonly RunRow[]): Promise<Map<RunId, Refusals>> => {
    const looks = await Promise.all(runs.map(async (run) => [run.id, await look(run)] as const));
    known = new Map(looks);
    return new Map(looks.map(([id, { refusals }]) => [id, refusals]));
  };
};

const NONE_REFUSED: Refusals = { count: 0, hosts: [], last: 0 };

/** Lists of runs, each with its place in the queue and its outcome. */
export const createListing = (deps: Pick<RunDeps, "store" | "clock">, dispatcher: Pick<Dispatcher, "places">): Listing => {
  const { store, clock } = deps;
  const nowhere: Places = new Map();
  const findRefusals = createRefusals(store);
  const toViews = async (runs: readonly RunRow[]): Promise<ListedRun[]> => {
    const places = runs.some(({ status }) => status === "queued") ? await dispatcher.places() : nowhere;
    return runs.map((run) => listed(run, places));
  };
  const oldest = async (status: RunView["status"][], limit: number): Promise<RunRow[]> =>
    (await store.listing.page({ sort: "oldest", status, limit })).runs;

  return {
    async page(input) {
      const { runs, next } = await store.listing.page(input);
      return { runs: await toViews(runs), next };
    },
    counts: (filter) => store.listing.counts(filter),
    select: (filter) => store.listing.select(filter),
    some: async (ids) => toViews(await store.listing.some(ids)),

    async overview() {
      const endedAfter = new Date(clock.now().getTime() - ATTENTION_DAYS * DAY_MS).toISOString();
      const [waiting, attention, running, counts, recent, queued, places, today] = await Promise.all([
        oldest(["waiting"], WAITING_MOST),
        store.attention.list({ endedAfter, limit: ATTENTION_MOST }),
        oldest(GOING, RUNNING_MOST),
        store.listing.counts({}),
        store.listing.page({ sort: "ended", limit: RECENT_MOST }),
        store.listing.queued(),
        dispatcher.places(),
        store.budgets.today(),
      ]);
      const { single, batches } = groupQueue(queued, places);
      const refusals = await findRefusals(running);
      const first = await store.listing.some(single.slice(0, QUEUED_MOST));
      const view = (run: RunRow): ListedRun => brief(listed(run, places));
      const runningTotal = GOING.reduce((sum, status) => sum + (counts.statuses[status] ?? 0), 0);
      return {
        waiting: waiting.map(view),
        attention: attention.map(view),
        running: running.map((run) => ({ ...view(run), refused: refusals.get(run.id) ?? NONE_REFUSED })),
        runningTotal,
        // One that was claimed while this was read is queued no more.
        queued: { total: queued.length, runs: first.filter(({ status }) => status === "queued").map(view), batches },
        budget: runningTotal + queued.length === 0 ? null : holdOf(today),
        recent: recent.runs.map(view),
      };
    },

    dismiss: ({ ids, dismissed }) => store.attention.dismiss(ids, dismissed),
  };
};
