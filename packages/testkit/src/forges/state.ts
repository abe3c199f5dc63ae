import { createHash } from "node:crypto";
import { join } from "node:path";
import { runGit } from "../git.ts";

/** What a repository on a fake host is made with. */
export interface ForgeRepositoryOptions {
  /** `owner/name`; GitLab takes deeper ones. */
  path: string;
  defaultBranch?: string;
  /** Branches to commits, where no git repository lies below `root`. */
  branches?: Readonly<Record<string, string>>;
  isArchived?: boolean;
  /** Labels that exist. */
  labels?: readonly string[];
  /** Where labels that do not exist are refused rather than made. */
  refusesNewLabels?: boolean;
  refusesDrafts?: boolean;
}

export interface ForgeCheck {
  name: string;
  state: "pending" | "passed" | "failed";
  /** The whole log of the job; a check without one is a plain status. */
  log?: string;
  /** What a status says of itself. */
  description?: string;
}

export interface NewForgeComment {
  author: string;
  body: string;
  /** A comment on a line. */
  path?: string;
  line?: number;
  /** What a review says as a whole. */
  isReview?: boolean;
  isBot?: boolean;
  /** What the host itself notes, such as a changed label; hosts without such notes leave it out. */
  isSystem?: boolean;
  at?: string;
}

export type StoredComment = Required<Omit<NewForgeComment, "path" | "line">> & {
  id: number;
  path: string | null;
  line: number | null;
};

export interface ForgePullRequest {
  number: number;
  /** As it is stored: with the mark of a draft, where a host marks it there. */
  title: string;
  body: string;
  headBranch: string;
  baseBranch: string;
  state: "open" | "merged" | "closed";
  draft: boolean;
  labels: string[];
  reviewers: string[];
  comments: StoredComment[];
  /** null: whatever the branch has now. */
  frozenHead: string | null;
  /** The repository that the branch is in, when that is another one. */
  fork: string | null;
}

export interface ForgeRepository {
  id: number;
  path: string;
  defaultBranch: string;
  branches: Map<string, string>;
  isArchived: boolean;
  labels: string[];
  refusesNewLabels: boolean;
  refusesDrafts: boolean;
  pullRequests: ForgePullRequest[];
  checks: Map<string, (ForgeCheck & { id: number })[]>;
}

/** What a fake host knows. */
export interface ForgeState {
  repositories: ForgeRepository[];
  /** People who can be asked to review. */
  users: string[];
  /** Whose the token is. */
  self: string;
  nextId(): number;
  now(): string;
  find(path: string): ForgeRepository | null;
  /** The commit at the tip of a branch, from git where there is git; null: there is no such branch. */
  commitOf(repository: ForgeRepository, branch: string): Promise<string | null>;
  headOf(repository: ForgeRepository, pullRequest: ForgePullRequest): Promise<string | null>;
}

/** A commit id that a name stands for, for repositories without git. */
export const commitNamed = (name: string): string => createHash("sha1").update(name).digest("hex");

export interface StateOptions {
  repositories: readonly ForgeRepositoryOptions[];
  users: readonly string[];
  root: string | null;
}

export const createState = ({ repositories, users, root }: StateOptions): ForgeState => {
  let ids = 100;
  let moments = 0;
  const nextId = () => ++ids;
  const state: ForgeState = {
    repositories: repositories.map((given) => ({
      id: nextId(),
      path: given.path,
      defaultBranch: given.defaultBranch ?? "main",
      branches: new Map(Object.entries(given.branches ?? {})),
      isArchived: given.isArchived ?? false,
      labels: [...(given.labels ?? [])],
      refusesNewLabels: given.refusesNewLabels ?? false,
      refusesDrafts: given.refusesDrafts ?? false,
      pullRequests: [],
      checks: new Map(),
    })),
    users: [...users],
    self: "runner",
    nextId,
    // Each a minute after the one before, so that what came later is later.
    now: () => new Date(Date.UTC(2026, 0, 1, 12, moments++)).toISOString().replace(".000", ""),
    find: (path) => state.repositories.find((one) => one.path.toLowerCase() === path.toLowerCase()) ?? null,
    commitOf: async (repository, branch) => {
      const known = repository.branches.get(branch);
      if (known !== undefined || root === null) return known ?? null;
      const folder = join(root, `${repository.path}.git`);
      return runGit(folder, ["rev-parse", "--verify", "--quiet", `refs/heads/${branch}`]).catch(() => null);
    },
    headOf: async (repository, pullRequest) =>
      pullRequest.frozenHead ?? (await state.commitOf(repository, pullRequest.headBranch)) ?? null,
  };
  return state;
};

/** Adds a pull request to a repository: what is not given is as in one that was opened just now. */
export const addPullRequest = (
  repository: ForgeRepository,
  given: Partial<ForgePullRequest> & { headBranch: string },
): ForgePullRequest => {
  const made: ForgePullRequest = {
    number: repository.pullRequests.length + 1,
    title: `Work on ${given.headBranch}`,
    body: "",
    baseBranch: repository.defaultBranch,
    state: "open",
    draft: false,
    labels: [],
    reviewers: [],
    comments: [],
    frozenHead: null,
    fork: null,
    ...given,
  };
  repository.pullRequests.push(made);
  return made;
};

/** Adds a comment to a pull request: what is not given is as in one about the whole that a person wrote. */
export const addComment = (state: ForgeState, { comments }: ForgePullRequest, given: NewForgeComment): StoredComment => {
  const stored: StoredComment = {
    id: state.nextId(),
    author: given.author,
    body: given.body,
    path: given.path ?? null,
    line: given.line ?? null,
    isReview: given.isReview ?? false,
    isBot: given.isBot ?? false,
    isSystem: given.isSystem ?? false,
    at: given.at ?? state.now(),
  };
  comments.push(stored);
  return stored;
};

/** The log of a check, in whatever repository it is; null: there is none. */
export const logOf = (state: ForgeState, id: number): string | null =>
  state.repositories.flatMap(({ checks }) => [...checks.values()].flat()).find((check) => check.id === id)?.log ?? null;

/** What lies below an owner or a group. */
export const repositoriesOf = (state: ForgeState, owner: string): ForgeRepository[] =>
  state.repositories.filter(({ path }) => path.toLowerCase().startsWith(`${owner.toLowerCase()}/`));
