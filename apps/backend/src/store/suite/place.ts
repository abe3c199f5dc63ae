import {
  type AuditRecord,
  type Message,
  type RunId,
  RunLimits,
  ServerId,
  type SpoolEvent,
  type Task,
  type WorkspaceDiff,
} from "@ccr/protocol";
import type { NewBatch, NewMember } from "../batch-types.ts";
import { createIds } from "../ids.ts";
import type { InstancePlace } from "../instance-types.ts";
import type { Claim, Claimer, NewMessage, NewRun, OwnMessages, Store } from "../types.ts";

/** An empty database for one test, with a store on it. */
export interface StorePlace extends AsyncDisposable {
  readonly store: Store;
  /** By which another process opens the database: see `child.ts`. */
  readonly address: string;
  /** Another store on the same database, as another process would have it; closed with the place. */
  open(options?: { now?: () => Date }): Promise<Store>;
}

export type OpenPlace = (options?: { now?: () => Date }) => Promise<StorePlace>;

export const ids = createIds();
export const server = ServerId.parse("srv_aaaaaaaaaaaa");
export const otherServer = ServerId.parse("srv_bbbbbbbbbbbb");
/** Claims whatever is first. */
export const anyRun: Claimer = { owner: server, perRepository: null, perTask: null };
export const instancePlace: InstancePlace = { machine: "m1", root: "/data/instances/x", doors: "/data/doors/x" };

/** A clock that moves only when it is told to. */
export const createClock = (start = "2026-11-22T20:00:00.000Z") => {
  let at = Date.parse(start);
  return {
    now: () => new Date(at),
    advance: (ms: number) => {
      at += ms;
    },
  };
};

export const createTask = (store: Store, name = "Fix the build"): Promise<Task> =>
  store.tasks.create({ name, steps: [{ instructions: "Fix it", checks: "$ npm test" }], allowNoChanges: false });

export const newRun = (task: NewRun["task"], given: Partial<NewRun> = {}): NewRun => ({
  task,
  repository: "ada/engine",
  ref: null,
  model: null,
  limits: RunLimits.parse({}),
  priority: 0,
  delivery: null,
  continues: null,
  idempotencyKey: null,
  ...given,
});

export const queueRun = async (store: Store, given: Partial<NewRun> = {}) => {
  const task = given.task ?? (await createTask(store));
  return (await store.runs.create(newRun(task, given))).run;
};

export type GivenBatch = Partial<NewBatch> & { repositories?: string[]; variantLabels?: string[] };

/** A batch of the same task against each of these repositories. */
export const newBatch = async (store: Store, given: GivenBatch = {}): Promise<NewBatch> => {
  const { repositories = ["ada/a", "ada/b"], variantLabels = [""], attempts = 1, ...rest } = given;
  const task = await createTask(store);
  const members = repositories.flatMap((repository, index) =>
    variantLabels.flatMap((variant) =>
      range(1, attempts).map(
        (attempt): NewMember => ({
          run: {
            task,
            repository,
            ref: null,
            model: null,
            limits: RunLimits.parse({}),
            priority: 0,
            delivery: null,
            continues: null,
          },
          group: index + 1,
          variant,
          attempt,
        }),
      ),
    ),
  );
  const variants = variantLabels.map((label) => ({ label, taskId: task.id, taskName: task.name, model: null }));
  const parts = { groups: repositories.length, attempts, maxConcurrent: null, idempotencyKey: null, request: { repositories } };
  return { name: "Many", task, variants, members, ...parts, ...rest };
};

/** A run that somebody drives; before whatever else is queued. */
export const claimRun = async (store: Store, given: Partial<NewRun> = {}): Promise<Claim> => {
  await queueRun(store, { priority: 100, ...given });
  const claim = await store.queue.claimNext(anyRun);
  if (claim === null) throw new Error("the run could not be claimed");
  return claim;
};

export const endRun = async (store: Store, { run, fence }: Pick<Claim, "run" | "fence">): Promise<void> => {
  const ended = await store.runs.advance(run.id, {
    from: ["queued", "starting", "running", "waiting", "canceling"],
    to: "succeeded",
    fence,
    patch: { reason: "passed", sentence: "Every step finished." },
  });
  if (ended === null) throw new Error("the run could not be ended");
};

export const note = (text: string): NewMessage => ({ source: "runner", body: { type: "note", text } });
/** Messages of our own, of which the first has this number. */
export const own = (first: number, ...messages: NewMessage[]): OwnMessages => ({ first, messages });
export const notes = (from: number, to: number): OwnMessages =>
  own(from, ...Array.from({ length: to - from + 1 }, (_, index) => note(`note ${from + index}`)));

export const event = (seq: number, text = `event ${seq}`): SpoolEvent => ({
  seq,
  at: "2026-11-22T20:39:28.000Z",
  source: "agent",
  body: { type: "assistant", session_id: "s", message: { content: [{ type: "text", text }] } },
});
export const events = (from: number, to: number): SpoolEvent[] =>
  Array.from({ length: to - from + 1 }, (_, index) => event(from + index));

export const sampleDiff: WorkspaceDiff = {
  baseCommit: "a".repeat(40),
  headCommit: "b".repeat(40),
  files: [{ path: "a b/ü.ts", oldPath: null, status: "modified", additions: 1, deletions: null }],
  patch: "--- a\n+++ b\n\u0000",
  truncated: false,
};

export const auditRecord = (runId: RunId, n: number, decision: AuditRecord["decision"] = "allowed"): AuditRecord => ({
  n,
  at: "2026-11-22T20:39:28.000Z",
  runId,
  kind: "connect",
  method: "CONNECT",
  host: "example.test",
  port: 443,
  path: "",
  decision,
  rule: "deny by default",
  status: decision === "refused" ? 403 : null,
  bytesUp: 0,
  bytesDown: 0,
  durationMs: 1.5,
  usage: null,
});

export const seqs = (messages: readonly Message[]): number[] => messages.map((message) => message.seq);
export const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** The one with this id; throws when it is not among them. */
export const find = <Id extends string, Item extends { id: Id }>(items: readonly Item[], id: Id): Item => {
  const found = items.find((item) => item.id === id);
  if (found === undefined) throw new Error(`there is no ${id}`);
  return found;
};

/** The whole transcript, page by page. */
export const readAll = async (store: Store, runId: RunId): Promise<Message[]> => {
  const all: Message[] = [];
  for (;;) {
    const page = await store.transcript.read(runId, { after: all.at(-1)?.seq ?? 0, limit: 1000 });
    if (page.length === 0) return all;
    all.push(...page);
  }
};

/** Everything an iterable gives until it ends. */
export const collect = async <Item>(items: AsyncIterable<Item>): Promise<Item[]> => {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
};

/** The error that a promise rejects with. */
export const errorOf = async (promise: Promise<unknown>): Promise<Error> => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("there was no error");
};
