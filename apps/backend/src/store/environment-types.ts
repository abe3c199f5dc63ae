import type {
  CreateEnvironmentInput,
  DefaultEnvironment,
  Environment,
  EnvironmentId,
  UpdateEnvironmentInput,
} from "@ccr/protocol";

/** From what the sandboxes of a run are made, as its launch found it out. */
export type Prepared = {
  /** The image on which the executor is put; null: the one that the server uses for all. */
  baseImage: string | null;
  /** What the repository's `devcontainer.json` says beside its image; left out where there is none. */
  devcontainer?: { variables: Record<string, string>; script: string };
  /** The key of what the set-up left; null: nothing was set up. */
  setup: string | null;
};

export interface EnvironmentStore {
  create(input: CreateEnvironmentInput): Promise<Environment>;
  find(id: EnvironmentId): Promise<Environment | null>;
  /** Every environment, the newest first. */
  list(): Promise<Environment[]>;
  /** null: no such environment. Throws `CcrError` with `conflict` when it is not at the version that is expected. What changes nothing makes no version. */
  update(input: UpdateEnvironmentInput): Promise<Environment | null>;
  /** Adds names of secrets, and takes others away. null: no such environment. */
  nameSecrets(id: EnvironmentId, names: { add: readonly string[]; remove: readonly string[] }): Promise<Environment | null>;
  /** Raises the generation. null: no such environment. */
  renew(id: EnvironmentId): Promise<Environment | null>;
  /**
   * Whether there was such an environment; with it goes that it is the default of repositories. Runs keep their copies. Throws `CcrError` with
   * `conflict` as long as a task names it; one that was made for a single run names none any more.
   */
  delete(id: EnvironmentId): Promise<boolean>;
  /** By `repositoryKey`, in the order of these. */
  listDefaults(): Promise<DefaultEnvironment[]>;
  findDefault(repository: string): Promise<Environment | null>;
  /** null: none. Throws `CcrError` with `not_found` for an environment that is not there. */
  setDefault(repository: string, id: EnvironmentId | null): Promise<void>;
  /** The keys of what set-ups left for runs that are not final. */
  setupsInUse(): Promise<Set<string>>;
}
