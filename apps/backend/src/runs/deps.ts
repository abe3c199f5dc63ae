import type {
  AllowRule,
  FinalStatus,
  InstanceId,
  RepositoryAddress,
  RunCheckout,
  RunId,
  RunReason,
  SandboxEndpoint,
  ServerId,
  WorkSnapshot,
  WorkspaceDiff,
} from "@ccr/protocol";
import type { DevcontainerBuilder, ImageProvider, ReportProgress, SandboxDriver } from "../drivers/types.ts";
import type { TrackedFile } from "../environments/key.ts";
import type { Secrets } from "../environments/secrets.ts";
import type { Setups } from "../environments/types.ts";
import type { Proposal, ProposalOutcome, Review } from "../forges/types.ts";
import type { Doors } from "../gateway/types.ts";
import type { PushOutcome, PushRequest } from "../git/push.ts";
import type { KeptCheckout, KeptOf } from "../git/work-places.ts";
import type { Store } from "../store/types.ts";
import type { ExecutorClient } from "./executor-client.ts";
import type { Places } from "./places.ts";

/** A fetched mirror and the commit to start from. */
export type MirroredRepository = {
  mirrorPath: string;
  commit: string;
  /** The branch, tag or commit that was asked for, or the default one, by its plain name. */
  ref: { name: string };
  /** What is handed to `git clone` as the real address. */
  cloneUrl: string;
};

/** Fetches mirrors; see `git/`. Throws errors that carry a `reason` of the run's closed list. */
export interface Mirrors {
  ensure(
    address: RepositoryAddress,
    options: { ref?: string | undefined; report: ReportProgress; signal: AbortSignal },
  ): Promise<MirroredRepository>;
}

/** One line of the server's log; `fields` hold ids, never a secret. */
export type Log = (level: "info" | "warn" | "error", text: string, fields?: Record<string, unknown>) => void;

/** Time as the run engine knows it; a simulation has one of its own. */
export interface Clock {
  /** For what is written down. May be set, forwards and backwards, at any moment. */
  now(): Date;
  /** Milliseconds since some moment, by a clock that nobody sets. */
  elapsedMs(): number;
  /** Resolves after the time or on the signal, whichever is first. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** Restorable copies of the work of runs, one of each of their repositories, outside of their sandboxes; see `git/`. */
export interface KeptWork {
  /**
   * Checks a bundle in a quarantine of its own and puts it in the place of the repository's last one, in one step: whatever is killed, either the
   * earlier or the later is there as a whole. Throws `CcrError` with `unprocessable` for a bundle that does not hold what the snapshot names.
   */
  keep(
    checkout: KeptCheckout,
    work: { snapshot: WorkSnapshot; bundle: AsyncIterable<Uint8Array> },
    signal: AbortSignal,
  ): Promise<void>;
  /** What is kept of a repository now, and since when; null: nothing. */
  find(of: KeptOf): Promise<{ snapshot: WorkSnapshot; at: string } | null>;
  /**
   * What the kept work changes, read where the agent has no say in it; null: nothing is kept. `uncommitted`: the files of the base commit that the
   * agent changed and did not commit, though it did commit something. All paths are those in the workspace.
   */
  changes(
    of: KeptOf,
    signal: AbortSignal,
  ): Promise<{ diff: WorkspaceDiff; uncommitted: string[]; snapshotCommit: string } | null>;
  /**
   * Copies the bundle of what is kept into a folder, made for it if need be, where a sandbox may read it: what is kept later does not change it.
   * null: another snapshot is kept by now, or nothing.
   */
  give(
    of: KeptOf,
    snapshotCommit: string,
    folder: string,
  ): Promise<{ bundle: string; mirrorPath: string | null; origin: string } | null>;
  /** How many bytes of a conversation are kept. */
  conversationBytes(runId: RunId, session: string): Promise<number>;
  /** Appends to what is kept of a conversation, from byte `after` on, which is where the kept part ends. */
  keepConversation(
    runId: RunId,
    part: { session: string; after: number; chunks: AsyncIterable<Uint8Array> },
    signal: AbortSignal,
  ): Promise<void>;
  /** Copies the last conversation of a run into a folder, made for it if need be, where a sandbox may read it; null: none is kept here. */
  giveConversation(runId: RunId, folder: string): Promise<{ session: string; file: string } | null>;
  /** Keeps all that a check has printed, as a whole or not at all. What had the same name before is replaced. */
  keepOutput(runId: RunId, output: { name: string; chunks: AsyncIterable<Uint8Array> }, signal: AbortSignal): Promise<void>;
}

/** The way of results out of the server; see `git/` and `forges/`. Throws the signal's reason, and what is wrong with the server's own files. */
export interface Outlet {
  /** Pushes what is kept of a repository to a branch of it. Idempotent. */
  push(checkout: KeptCheckout, wanted: PushRequest, signal: AbortSignal): Promise<PushOutcome>;
  /** Opens a pull request for a branch, or brings the one that is open up to date. Idempotent. */
  propose(checkout: Pick<RunCheckout, "repository">, proposal: Proposal, signal: AbortSignal): Promise<ProposalOutcome>;
  /** Closes a pull request without merging it; one that is not open stays as it is. Throws when the host cannot be asked now. */
  withdraw(checkout: Pick<RunCheckout, "repository">, number: number, signal: AbortSignal): Promise<void>;
  /** Who makes the commits of what agents did not commit. */
  readonly author: { name: string; email: string };
  /** Where a person can look at a run. */
  linkTo(runId: RunId): string;
  /** Takes every secret of this server out of a text. */
  hide(text: string): string;
}

/** What hosts say of pull requests; see `forges/`. */
export interface Reviews {
  /** null: the host is not known. Throws when it cannot be asked now. */
  look(
    checkout: Pick<RunCheckout, "repository">,
    request: { number: number; commit: string },
    signal: AbortSignal,
  ): Promise<Review | null>;
}

/** What those who watch the server want to count. Never throws. */
export interface RunMetrics {
  /** From the creation of a run to the agent's start, in milliseconds. */
  started(latencyMs: number): void;
  ended(end: { status: FinalStatus; reason: RunReason }): void;
  /** Messages were stored so long after the executor wrote them down. */
  relayed(messages: number, lagMs: number): void;
  leaseLost(): void;
  takenOver(): void;
  resumed(after: "server" | "sandbox" | "agent"): void;
  /** What a run's spool takes on its disk; null: it is gone. */
  spool(runId: RunId, bytes: number | null): void;
}

/** What setting up an environment needs. */
export type SetupDeps = {
  kept: Setups;
  secrets: Pick<Secrets, "read" | "digest">;
  /** What the network preset `packages` stands for on this machine. */
  packageHosts: () => Promise<AllowRule[]>;
  /** What of the machine is seen in its sandboxes: what was set up on another one is not used here. */
  platform: string;
  /** null: the driver cannot build what repositories describe. */
  devcontainers: DevcontainerBuilder | null;
  /** The files of a commit in a mirror, packed as a tar. */
  archiveOf: (mirrorPath: string, commit: string, signal: AbortSignal) => AsyncIterable<Uint8Array>;
  /** Every file of a commit in a mirror. */
  filesOf: (mirrorPath: string, commit: string, signal: AbortSignal) => Promise<TrackedFile[]>;
};

/** All that the run engine needs from outside; built in `main.ts`. */
export type RunDeps = {
  /** Who we are; the machine is where our folders and sandboxes are. */
  server: ServerId;
  machine: string;
  store: Store;
  mirrors: Mirrors;
  work: KeptWork;
  outlet: Outlet;
  reviews: Reviews;
  doors: Doors;
  /** The one that makes sandboxes. */
  driver: SandboxDriver;
  /** Every one that may have made some before. */
  drivers: readonly SandboxDriver[];
  /** For drivers whose sandboxes need an image; null for the others. */
  images: ImageProvider | null;
  setup: SetupDeps;
  places: Places;
  /** `fence` is null for one who only looks. */
  connect: (endpoint: SandboxEndpoint, fence: number | null) => ExecutorClient;
  allowedHosts: AllowRule[];
  /** How many runs may go on at once: of this server, and of all servers for one repository and for one task. */
  limits: { runs: number; perRepository: number | null; perTask: number | null };
  /** Whether the disk has room for another run, and if not, a sentence that says so. */
  roomForRun: () => Promise<{ enough: true } | { enough: false; why: string }>;
  newInstanceId: () => InstanceId;
  log: Log;
  metrics: RunMetrics;
  clock: Clock;
};
