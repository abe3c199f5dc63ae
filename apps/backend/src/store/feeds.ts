import { CcrError, isFinal, type Message, type Run, type RunId } from "@ccr/protocol";
import type { Kysely } from "kysely";
import type { Changes } from "./changes.ts";
import { Feed, type Stored } from "./feed.ts";
import { noSuchRun } from "./fence.ts";
import { readPage } from "./pages.ts";
import type { Database } from "./schema.ts";

// A follower that is behind holds one such page, whatever it does with it and for however long.
const PAGE = { limit: 200, maxLength: 250_000 };
// Bounds the parameters of one statement.
const RUNS_AT_ONCE = 500;
// A database that is gone is asked this often whether it is back.
const AGAIN_MS = 1000;

const shuttingDown = (): CcrError => new CcrError("unavailable", "The server is shutting down. Connect again to go on.");

/** A follower outlives the database's absence. */
const waitIfUnavailable = (error: unknown): null => {
  if (error instanceof CcrError && error.code === "unavailable") return null;
  throw error;
};

/** The messages up to the first that does not follow the one before it: a follower would never learn of what it had missed. */
const unbroken = (messages: Message[], after: number): Message[] => {
  const broken = messages.findIndex(({ seq }, index) => seq !== after + 1 + index);
  return broken === -1 ? messages : messages.slice(0, broken);
};

type Followed = {
  feed: Feed;
  /** The first look at the run: before it, nothing is known of what was there already. */
  known: Promise<void>;
  /** Reads that are under way, by where they begin: followers that want the same page share one. */
  reads: Map<number, Promise<Message[]>>;
  /** Why its followers cannot be served any more. */
  failure: unknown;
};

/**
 * Keeps the followers of runs awake. A message reaches them in the order: stored, published here, given to each follower. One look at the
 * database serves all followers of a run, and in the common case (all are at the end) none is needed.
 */
export class Feeds {
  readonly #db: Kysely<Database>;
  readonly #changes: Pick<Changes, "listen">;
  readonly #followed = new Map<RunId, Followed>();
  #stopListening: (() => void) | null = null;
  #closed = false;

  constructor(db: Kysely<Database>, changes: Pick<Changes, "listen">) {
    this.#db = db;
    this.#changes = changes;
  }

  /** Tells the followers of messages that have been committed. */
  publish(runId: RunId, stored: readonly Stored[]): void {
    this.#followed.get(runId)?.feed.publish(stored);
  }

  /** Tells the followers how far the run is: messages up to this `seq` are stored. */
  noteLast(runId: RunId, lastSeq: number): void {
    this.#followed.get(runId)?.feed.note({ lastSeq, final: false });
  }

  /** Tells the followers how far the run is, and whether it is final. */
  noteStatus(run: Pick<Run, "id" | "lastSeq" | "status">): void {
    this.#followed.get(run.id)?.feed.note({ lastSeq: run.lastSeq, final: isFinal(run.status) });
  }

  /** See `Transcript.follow`. */
  async *follow(runId: RunId, { after }: { after: number }, signal: AbortSignal): AsyncGenerator<Message, void> {
    if (signal.aborted) return;
    if (this.#closed) throw shuttingDown();
    let wake = (): void => {};
    const follower = (): void => wake();
    const followed = this.#join(runId, follower);
    const { feed } = followed;
    const leave = (): void => {
      this.#leave(runId, followed, follower);
      follower();
    };
    // Not only `finally`: an iterator that nobody asks any more never gets there.
    signal.addEventListener("abort", leave, { once: true });
    try {
      await followed.known;
      let cursor = after;
      while (!signal.aborted) {
        if (followed.failure !== null) throw followed.failure;
        if (cursor < feed.lastSeq) {
          const page = await this.#page(runId, followed, cursor).catch(waitIfUnavailable);
          if (page === null) {
            await new Promise<void>((resolve) => {
              const timer = setTimeout(resolve, AGAIN_MS);
              wake = () => {
                clearTimeout(timer);
                resolve();
              };
            });
            continue;
          }
          for (const message of page) {
            if (signal.aborted) return;
            yield message;
            cursor = message.seq;
          }
          continue;
        }
        if (feed.final) return;
        // Nothing can change between this look and the promise: there is no `await` in between.
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }

  /** Ends every follower with an error, so that none takes it for the end of its run. */
  close(): void {
    this.#closed = true;
    for (const followed of this.#followed.values()) {
      followed.failure = shuttingDown();
      followed.feed.wake();
    }
    this.#followed.clear();
    this.#listenIfFollowed();
  }

  #join(runId: RunId, follower: () => void): Followed {
    const known = this.#followed.get(runId);
    if (known !== undefined) {
      known.feed.followers.add(follower);
      return known;
    }
    const feed = new Feed();
    const followed: Followed = { feed, known: this.#lookFirst(runId), reads: new Map(), failure: null };
    feed.followers.add(follower);
    this.#followed.set(runId, followed);
    this.#listenIfFollowed();
    return followed;
  }

  #leave(runId: RunId, followed: Followed, follower: () => void): void {
    followed.feed.followers.delete(follower);
    if (followed.feed.followers.size > 0 || this.#followed.get(runId) !== followed) return;
    this.#followed.delete(runId);
    this.#listenIfFollowed();
  }

  /** Some of the messages that follow `after`, each the next one. What memory does not have, or has with a gap, is read from the database. */
  async #page(runId: RunId, { feed, reads }: Followed, after: number): Promise<Message[]> {
    const recent = unbroken(feed.after(after), after);
    if (recent.length > 0) return recent;
    let read = reads.get(after);
    if (read === undefined) {
      read = readPage(this.#db, runId, { after, ...PAGE }).finally(() => reads.delete(after));
      reads.set(after, read);
    }
    const page = unbroken(await read, after);
    if (page.length > 0) return page;
    await this.#lookFirst(runId); // it may have been deleted meanwhile
    throw new CcrError("internal", `The transcript of ${runId} has no message ${after + 1}, but says it has ${feed.lastSeq}.`);
  }

  /** Reads how far these runs are, and gives those that are there. */
  async #look(runIds: readonly RunId[]): Promise<RunId[]> {
    const rows = await this.#db.selectFrom("runs").select(["id", "status", "last_seq"]).where("id", "in", runIds).execute();
    for (const row of rows) this.noteStatus({ id: row.id, lastSeq: row.last_seq, status: row.status });
    return rows.map((row) => row.id);
  }

  async #lookFirst(runId: RunId): Promise<void> {
    if ((await this.#look([runId])).length === 0) throw noSuchRun(runId);
  }

  #listenIfFollowed(): void {
    if (this.#followed.size === 0) {
      this.#stopListening?.();
      this.#stopListening = null;
    } else {
      this.#stopListening ??= this.#changes.listen((runIds) => this.#lookAgain(runIds));
    }
  }

  async #lookAgain(changed: ReadonlySet<RunId> | null): Promise<void> {
    const runIds = [...this.#followed.keys()].filter((runId) => changed === null || changed.has(runId));
    for (let from = 0; from < runIds.length; from += RUNS_AT_ONCE) await this.#look(runIds.slice(from, from + RUNS_AT_ONCE));
  }
}
