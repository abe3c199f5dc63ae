import type { RepositoryAddress } from "@ccr/protocol";

export type GitHostKind = "github" | "gitlab" | "gitea" | "bitbucket";

/** What a host knows us by. `username` is for hosts that ask for one beside the token; null: the kind's usual one. */
export type GitHostCredential =
  | { kind: "token"; username: string | null; token: string }
  /** A GitHub App; its tokens are made for one repository each and last for an hour. */
  | { kind: "app"; appId: string; privateKey: string };

/** One git host, as it is configured. */
export interface GitHostSettings {
  /** A host name, with its port when that is not the usual one. */
  host: string;
  /** `gitea` is Forgejo too. */
  kind: GitHostKind;
  /** null: where hosts of this kind have it. */
  apiUrl: string | null;
  credential: GitHostCredential | null;
}

/** What git over http(s) shows the host. */
export interface GitCredential {
  username: string;
  password: string;
}

/** A pull request, or a merge request; the same thing under another name. */
export interface PullRequest {
  number: number;
  url: string;
  state: "open" | "merged" | "closed";
  /** null while the host does not know it yet, or any more. */
  headCommit: string | null;
  headBranch: string;
  baseBranch: string;
  isDraft: boolean;
  /** Without the word by which some hosts mark a draft. */
  title: string;
}

export interface NewPullRequest {
  repository: string;
  title: string;
  body: string;
  headBranch: string;
  baseBranch: string;
  draft: boolean;
  /** Names of users; on GitHub and Gitea `organisation/team` is a team, on Bitbucket an account's `{uuid}` is taken too. */
  reviewers: readonly string[];
  labels: readonly string[];
}

/** `notes` has a sentence for each thing that was wished for and that the host did not do. */
export interface OpenedPullRequest {
  pullRequest: PullRequest;
  notes: string[];
}

export interface PullRequestEdit {
  repository: string;
  number: number;
  title?: string;
  body?: string;
}

/** A repository's path on its host: `owner/name`, or deeper where hosts have groups in groups. */
export type RepositoryPath = string;

type Numbered = { repository: RepositoryPath; number: number };

/** Every method throws a `ForgeError` when the host refuses or cannot be reached, and is safe to repeat. */
export interface PullRequests {
  /** The open one from a branch of the repository itself, never one from a fork. */
  findOpen(wanted: { repository: RepositoryPath; headBranch: string }, signal: AbortSignal): Promise<PullRequest | null>;
  /** Opens one, or finds the one that is open from that branch already, whose title and body it then leaves as they are. */
  open(wanted: NewPullRequest, signal: AbortSignal): Promise<OpenedPullRequest>;
  /** Changes what is given, and never whether it is a draft. */
  update(edit: PullRequestEdit, signal: AbortSignal): Promise<PullRequest>;
  get(which: Numbered, signal: AbortSignal): Promise<PullRequest>;
  /** Closes it without merging; one that is not open stays as it is. */
  close(which: Numbered, signal: AbortSignal): Promise<PullRequest>;
  defaultBranch(repository: RepositoryPath, signal: AbortSignal): Promise<string>;
}

/** One result of continuous integration for a commit. */
export interface CiCheck {
  name: string;
  /** What was left out or does not block counts as passed; what waits for a person is pending. */
  state: "pending" | "passed" | "failed";
  url: string | null;
  /** The end of what it wrote, or what the host says of it in a sentence; null when it gives neither. */
  log(signal: AbortSignal): Promise<string | null>;
}

/** What somebody said about a pull request, as it was said. Hostile text: anybody may comment. */
export interface ForgeComment {
  /** Unique among the comments of one pull request. */
  id: string;
  author: string;
  isBot: boolean;
  body: string;
  /** The file it is about; null for one about the whole. */
  path: string | null;
  line: number | null;
  /** ISO 8601. */
  at: string;
  url: string;
}

/** What comes back about a pull request. */
export interface Feedback {
  /** The latest result under each name. */
  ciChecks(of: { repository: RepositoryPath; commit: string }, signal: AbortSignal): Promise<CiCheck[]>;
  /** Comments, comments on lines, and what reviews say, oldest first; what the host itself notes is left out. */
  comments(of: Numbered, signal: AbortSignal): Promise<ForgeComment[]>;
  comment(what: Numbered & { body: string }, signal: AbortSignal): Promise<ForgeComment>;
}

export interface FoundRepository {
  repository: RepositoryPath;
  /** null: it is empty. */
  defaultBranch: string | null;
  cloneUrl: string;
  isArchived: boolean;
}

export interface RepositorySearch {
  /** The repositories of an organisation, group, workspace or user whose name holds `query`, no more than `limit`, by name. */
  list(wanted: { owner: string; query: string | null; limit: number }, signal: AbortSignal): Promise<FoundRepository[]>;
}

/** A git host that we can talk to. */
export interface Forge {
  readonly kind: GitHostKind;
  /** What git shows this host for a repository; null when there is none, or when it would travel in the clear. */
  credential(address: RepositoryAddress, signal: AbortSignal): Promise<GitCredential | null>;
  readonly pullRequests: PullRequests;
  readonly feedback: Feedback;
  readonly repositories: RepositorySearch;
}

/** The forges that are configured. */
export interface Forges {
  /** The one of a repository's host, whichever way git reaches it, with the repository's path there; null when there is none. */
  find(address: RepositoryAddress): { forge: Forge; repository: RepositoryPath } | null;
  /** See `Forge.credential`; null for a host that is not configured. */
  credential(address: RepositoryAddress, signal: AbortSignal): Promise<GitCredential | null>;
}

/** A pull request that is wanted for a branch. */
export type Proposal = Omit<NewPullRequest, "repository">;

/** `again`: to try it once more, as it is, may help. Messages are for people, and hold no secret. */
export type ProposalOutcome =
  | { kind: "open"; number: number; url: string /** What could not be set, one sentence each. */; notes: string[] }
  /** The host has no pull requests, as far as this server knows. */
  | { kind: "none"; why: string }
  | { kind: "failed"; again: boolean; message: string };

/** What a host says of a pull request, and of the commit that was pushed last. */
export interface Review {
  state: PullRequest["state"];
  checks: (Pick<CiCheck, "name" | "state" | "url"> & { log: string | null })[];
  /** The oldest first. */
  comments: Pick<ForgeComment, "id" | "author" | "body" | "path" | "line">[];
}
