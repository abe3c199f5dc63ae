import type {
  CreateEnvironmentInput,
  EnvironmentFacts,
  EnvironmentId,
  EnvironmentView,
  KeptSetupView,
  RemoveSetupInput,
  SetDefaultEnvironmentInput,
  SetSecretsInput,
  UpdateEnvironmentInput,
} from "@ccr/protocol";
import type { Leavings } from "./left.ts";
import type { OneAtATime } from "./turns.ts";

/** What a set-up left, to be read by sandboxes; it stays there as long as it is held. */
export type HeldSetup = Disposable & {
  /** On the host: with the folders `workspace` and `home`. */
  path: string;
  madeAt: string;
};

/** What a set-up left, as those who look after the disk see it. */
export type KeptSetup = {
  name: string;
  /** null: it cannot be read. */
  madeAt: string | null;
  /** null: it was not written down. */
  from: KeptSetupView["from"];
  path: string;
  /** null: it cannot be read. */
  environmentId: EnvironmentId | null;
  bytes: number | null;
  usedAt: Date;
  /** Somebody is just copying it. */
  isHeld: boolean;
};

/** What a set-up left, and of what. */
export type LeftOf = Leavings & { environmentId: EnvironmentId; from: KeptSetupView["from"] };

/** What set-ups have left on this server, for later runs. */
export interface Setups {
  /** Where they are. */
  readonly folder: string;
  /** null: nothing is kept under this key. `elsewhere`: in the folder of another server of this machine. */
  take(key: string, elsewhere?: string): Promise<HeldSetup | null>;
  /**
   * Keeps what a sandbox left that is destroyed, in one step: whatever is killed, it is there as a whole or not at all. What had the same key is
   * replaced. Throws `CcrError` with `unprocessable` when it must not be kept, and with `disk_full`.
   */
  keep(key: string, left: LeftOf, signal: AbortSignal): Promise<void>;
  /**
   * Does the work unless somebody is at it for this key already; then hears what that one tells, waits for its end, and throws what ended it.
   * Whoever waits can leave.
   */
  readonly oneAtATime: OneAtATime;
  list(): Promise<KeptSetup[]>;
  /** Whether it was removed: what is held, or was used since, stays. */
  remove(name: string, options: { usedBefore: Date }): Promise<boolean>;
}

/** What the API may ask about environments. Every method throws `CcrError` with `not_found` for an id that is not there. */
export interface Environments {
  create(input: CreateEnvironmentInput): Promise<EnvironmentView>;
  get(id: EnvironmentId): Promise<EnvironmentView>;
  list(): Promise<EnvironmentView[]>;
  update(input: UpdateEnvironmentInput): Promise<EnvironmentView>;
  /** Throws `CcrError` with `conflict` as long as a task names it. */
  delete(id: EnvironmentId): Promise<void>;
  setSecrets(input: SetSecretsInput): Promise<EnvironmentView>;
  setDefault(input: SetDefaultEnvironmentInput): Promise<void>;
  /** What its set-ups left on this server, the last used first. */
  setups(id: EnvironmentId): Promise<KeptSetupView[]>;
  /** Throws one of them away; `conflict` as long as it is in use. Idempotent. */
  removeSetup(input: RemoveSetupInput): Promise<void>;
  /** The next run sets everything up anew; what is kept here and not in use is removed. */
  rebuild(id: EnvironmentId): Promise<EnvironmentView>;
  facts(): Promise<EnvironmentFacts>;
}
