import { z } from "zod";
import { DirectoryName } from "./checkout.ts";
import { SETUP_SCRIPT_MAX_BYTES } from "./environment.ts";
import { Timestamp } from "./ids.ts";
import { CheckResult } from "./message.ts";
import { Shell, ShellInput, ShellInputResult, ShellList, ShellResize, ShellSize } from "./shell.ts";
import { CHECK_COMMAND_MAX_BYTES } from "./step.ts";
import { Answer, AnsweredBy, PermissionMode } from "./talk.ts";
import { FilePaths, FolderListing } from "./workspace-file.ts";

const line = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\r\n\0]*$/, "must be one line");

/** Every field may be left out: without keys and names the workspace still works. */
export const InitGitInput = z.object({
  githubUsername: line(200).optional(),
  email: line(320).optional(),
  sshPrivateKey: z
    .string()
    .max(64 * 1024)
    .optional(),
  sshPublicKey: z
    .string()
    .max(64 * 1024)
    .optional(),
  /** A trailer, `Key: value`, that is added to every commit that is made in the sandbox. */
  commitTrailer: line(500)
    .regex(/^[A-Za-z][A-Za-z-]*: \S+$/, "must be 'Key: value'")
    .optional(),
});
export type InitGitInput = z.infer<typeof InitGitInput>;
export const InitGitResult = z.object({
  githubUsername: z.string().nullable(),
  email: z.string().nullable(),
  sshKey: z.boolean(),
  /** What will not work as it was given, in a sentence; the rest is set up all the same. */
  warning: z.string().nullable(),
});

export const GitCloneInput = z.object({
  /** The real address; it becomes `origin`. Must not hold a credential. */
  repositoryUrl: line(2048).min(1),
  /** Branch, tag or commit; the default branch when left out. */
  ref: line(255).min(1).optional(),
  /** A bare repository inside the sandbox to clone from instead of the network. */
  mirrorPath: line(4096).startsWith("/").optional(),
  /**
   * A git bundle inside the sandbox, with what the mirror does not have. It needs `mirrorPath`, and `ref` must then be the full name of a
   * commit, which is checked out detached; the bundle's branches are not set.
   */
  bundlePath: line(4096).startsWith("/").optional(),
  /**
   * With a bundle whose `ref` is a snapshot: the full name of the commit on which that work was begun. The work is then gone on with: branches and
   * HEAD are as they were, what was not committed is not committed, and all of it counts as a change of this commit.
   */
  baseCommit: line(64).min(40).optional(),
  /** The folder of the workspace for it, which others are beside; the workspace itself when left out. */
  directory: DirectoryName.optional(),
  /** Other repositories follow, or `POST /restore` does: an agent that was started in advance comes into the workspace after the last. */
  moreFollows: z.boolean().optional(),
});
export type GitCloneInput = z.infer<typeof GitCloneInput>;
export const GitCloneResult = z.object({ commit: z.string(), branch: z.string().nullable() });
export type GitCloneResult = z.infer<typeof GitCloneResult>;

export const ExecuteInput = z.object({
  prompt: z
    .string()
    .min(1, "the prompt is empty")
    .max(10 * 1024 * 1024),
  /** Posting the same id again does not execute twice: the stream of the first execution is given. Made up when left out. */
  executionId: line(100).min(1).optional(),
  model: line(200).optional(),
  /** This and `maxBudgetUsd` hold for this execution alone. */
  maxTurns: z.number().int().positive().optional(),
  maxBudgetUsd: z.number().positive().optional(),
  permissionMode: PermissionMode.optional(),
  /**
   * Whether somebody is there to answer: the agent may then ask questions, for which it waits, and make plans. Without it, it is not offered the tools
   * for that, and what it would have to ask for is refused.
   */
  asks: z.boolean().default(false),
  /** Without any sign of life for this long, the agent counts as stalled. */
  stallTimeoutMs: z.number().int().min(1000).default(600_000),
  /**
   * A turn that judges: in a conversation of its own, which nobody goes on with, and with tools that read the workspace and no others. No
   * `CLAUDE.md` and no memory has a say in it. It completes with a `verdict`, and fails with `verdict_invalid` when Claude Code gave none.
   */
  judges: z.boolean().default(false),
});
export type ExecuteInput = z.infer<typeof ExecuteInput>;

/**
 * Ends what is going on, and is answered when it has ended: the execution, as `interrupted`; the checks, as `killed`, for whoever waits for
 * one and whoever asks for it again; and what checks have left running. `interrupted` says whether there was an execution or a check. The
 * conversation can go on, and what its agent runs in the background does.
 */
export const InterruptResult = z.object({ interrupted: z.boolean() });

/** Answers a question of the agent. `answered` is false when nothing of the kind is asked any more; asked again, an answer changes nothing. */
export const AnswerQuestionInput = z.object({ questionId: line(200).min(1), answer: Answer, by: AnsweredBy });
export type AnswerQuestionInput = z.infer<typeof AnswerQuestionInput>;
export const AnswerQuestionResult = z.object({ answered: z.boolean() });

/** Changes how the agent works from now on, also in the middle of a turn. What is left out stays; `model` null is Claude Code's default. */
export const ConfigureAgentInput = z.object({
  model: line(200).min(1).nullable().optional(),
  permissionMode: PermissionMode.optional(),
});
export type ConfigureAgentInput = z.infer<typeof ConfigureAgentInput>;
export const ConfigureAgentResult = z.object({ configured: z.boolean() });

const CheckId = line(100).min(1);

/** Runs one command with `bash -c` in the workspace, not as a shell of the agent. */
export const CheckInput = z.object({
  command: z.string().min(1).max(CHECK_COMMAND_MAX_BYTES),
  /**
   * Asking again with the same id does not run the command twice: whoever asks waits for the first one's result, or is given it. A check
   * with an id goes on when the connection is lost; one without is ended with it.
   */
  checkId: CheckId.optional(),
  timeoutMs: z.number().int().min(1).default(1_800_000),
});
export type CheckInput = z.infer<typeof CheckInput>;

/**
 * The whole output of a check that had an id, when its result has `outputTruncated`; `not_found` when there is none, as for one that the
 * disk did not take, or that others followed. What is longer than this is cut, and a line at the end says so.
 */
export const CHECK_OUTPUT_MAX_BYTES = 64 * 1024 * 1024;
export const CheckOutputQuery = z.object({ checkId: CheckId });

/**
 * Runs the environment's script with `bash -e` in the workspace, which is cloned. It is ended with the connection. `secrets` are in its
 * environment and nowhere else.
 */
export const SetUpInput = z.object({
  script: z.string().min(1).max(SETUP_SCRIPT_MAX_BYTES),
  /** Of several repositories, the one in whose folder it is run; the workspace itself when left out. */
  directory: DirectoryName.optional(),
  secrets: z.record(z.string(), z.string()),
  timeoutMs: z.number().int().min(1),
});
export type SetUpInput = z.infer<typeof SetUpInput>;

/** What the script prints, as it comes, and how it ended, at last. */
export const SetUpEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("output"), text: z.string() }),
  z.object({ type: z.literal("ended"), outcome: CheckResult.shape.outcome, durationMs: z.number() }),
]);
export type SetUpEvent = z.infer<typeof SetUpEvent>;

/**
 * Copies what a set-up has left, in the folders `home` and `workspace` below `from`, into the home and into the workspace, which is cloned. What
 * the repository has stays; git does not see what comes into the workspace. `skipped`: the first of what was in the way. To be asked once.
 */
export const RestoreInput = z.object({ from: line(4096).startsWith("/") });
export type RestoreInput = z.infer<typeof RestoreInput>;
export const RestoreResult = z.object({ skipped: z.array(z.string()).max(100) });
export type RestoreResult = z.infer<typeof RestoreResult>;

export const FileChange = z.object({
  path: z.string(),
  /** The path before a rename or copy. */
  oldPath: z.string().nullable(),
  status: z.enum(["added", "modified", "deleted", "renamed", "copied", "type_changed"]),
  /** null for a binary file. */
  additions: z.number().int().nullable(),
  deletions: z.number().int().nullable(),
});
export type FileChange = z.infer<typeof FileChange>;

/**
 * All that differs from the commit that was checked out: committed, uncommitted and untracked, without ignored files. Of several repositories all,
 * one after the other, each file by its path in the workspace; the commits are those of the first one.
 */
export const WorkspaceDiff = z.object({
  baseCommit: z.string(),
  headCommit: z.string(),
  files: z.array(FileChange),
  /** A patch that `git apply` takes, binary files included; cut at a file's end when longer than the limit, then `truncated`. */
  patch: z.string(),
  truncated: z.boolean(),
});
export type WorkspaceDiff = z.infer<typeof WorkspaceDiff>;

/**
 * A commit made beside the branches that holds the whole workspace as it is: committed, uncommitted and untracked files, without
 * ignored ones. Its parent is the workspace's HEAD.
 */
export const WorkSnapshot = z.object({
  /** The commit that was checked out at first, or null in a workspace that has none. */
  baseCommit: z.string().nullable(),
  /** null: nothing was committed yet. */
  headCommit: z.string().nullable(),
  /** The branch that HEAD is on; null when it is detached. */
  branch: z.string().nullable(),
  /** Same content, same HEAD, same branches: same commit. */
  snapshotCommit: z.string(),
  /** Files that could not be taken in, the first of them; they are as HEAD has them. */
  leftOut: z
    .array(z.object({ path: z.string(), why: z.enum(["too_large", "too_many", "unreadable"]) }))
    .max(100)
    .optional(),
});
export type WorkSnapshot = z.infer<typeof WorkSnapshot>;

/** Of several repositories, the one in this folder of the workspace. */
export const SnapshotQuery = z.object({ directory: DirectoryName.optional() });

/** The git bundle of a snapshot: every commit that it needs beyond `baseCommit`, under `SNAPSHOT_REF`, and the branches. */
export const SNAPSHOT_REF = "refs/ccr/snapshot";
export const BundleQuery = SnapshotQuery.extend({ snapshot: z.string().regex(/^[0-9a-f]{40,64}$/, "is not a commit") });

/** Claude Code's own file of a conversation, from a byte on. */
export const ConversationQuery = z.object({
  session: z.uuid(),
  after: z.coerce.number().int().min(0).default(0),
});

/** Everything up to `seq` is stored elsewhere: the executor may forget it. Never goes back. */
export const AckInput = z.object({ seq: z.number().int().min(0) });
export const AckResult = z.object({ ackedSeq: z.number().int().min(0) });

/**
 * The header by which whoever drives a sandbox says with which fencing number. An executor that has heard a greater one answers `conflict`
 * and does nothing: somebody else drives the sandbox now. Requests without it are not looked at in this way.
 */
export const FENCE_HEADER = "x-ccr-fence";

export const ExecutorHealth = z.object({
  status: z.literal("ok"),
  state: z.enum(["idle", "executing"]),
  executionId: z.string().nullable(),
  /** The conversation that the next execution goes on with. */
  sessionId: z.string().nullable(),
  lastSeq: z.number().int(),
  /** See `AckInput`. */
  ackedSeq: z.number().int(),
  /** What the spool takes on the disk. */
  spoolBytes: z.number().int(),
  startedAt: Timestamp,
  /** How long the present execution has been going on, by a clock that nobody sets and without the time in which it waited for a person; null: none is. */
  executingMs: z.number().nullable(),
  claudeCodeVersion: z.string(),
});
export type ExecutorHealth = z.infer<typeof ExecutorHealth>;

/**
 * The exit code of an executor that found another one at work with its spool, and ended without having touched anything. It is the
 * `EX_TEMPFAIL` of sysexits.h: asked for again when that one has ended, it works.
 */
export const EXECUTOR_SPOOL_HELD_EXIT_CODE = 75;

/**
 * The exit code of an executor whose door does not lead to it any more: its socket was removed, or another one listens there. Nobody can
 * speak with it, and its place is another one's now. It is the `EX_PROTOCOL` of sysexits.h.
 */
export const EXECUTOR_DOOR_LOST_EXIT_CODE = 76;

/** Goes on with a conversation of another sandbox: `path` is Claude Code's file of it, inside of this one. */
export const AdoptInput = z.object({ session: z.uuid(), path: line(4096).startsWith("/") });
export type AdoptInput = z.infer<typeof AdoptInput>;
export const AdoptResult = z.object({ bytes: z.number().int() });

/** Query of `POST /execute` and `GET /execute`: give events with a greater `seq` first. */
export const FollowQuery = z.object({ after: z.coerce.number().int().min(0).optional() });

/**
 * The executor's routes: one table, from which its router and the backend's client come.
 * `stream` answers are NDJSON of `SpoolEvent`, and end after the execution's `execution_ended`; `GET /execute` gives what is
 * spooled after `after`, follows a running execution to its end, and ends at once when none is running.
 * `POST /execute` starts, without `after`, with the execution's own first event. An `after` below what was acknowledged is `conflict`: those
 * events may be gone. `setUp` streams `SetUpEvent`, and `draft` `DraftEvent` until it is left. `bytes` answers are the bytes of a file.
 * events may be gone. `setUp` streams `SetUpEvent`, `followShell` `ShellEvent`. `bytes` answers are the bytes of a file.
 */
export const executorRoutes = {
  health: { method: "GET", path: "/health", request: z.undefined(), response: ExecutorHealth },
  initGit: { method: "POST", path: "/init-git", request: InitGitInput, response: InitGitResult },
  gitClone: { method: "POST", path: "/git-clone", request: GitCloneInput, response: GitCloneResult },
  setUp: { method: "POST", path: "/set-up", request: SetUpInput, response: "stream" },
  restore: { method: "POST", path: "/restore", request: RestoreInput, response: RestoreResult },
  execute: { method: "POST", path: "/execute", request: ExecuteInput, response: "stream" },
  follow: { method: "GET", path: "/execute", request: z.undefined(), response: "stream" },
  interrupt: { method: "POST", path: "/interrupt", request: z.undefined(), response: InterruptResult },
  answer: { method: "POST", path: "/answer", request: AnswerQuestionInput, response: AnswerQuestionResult },
  configure: { method: "POST", path: "/configure", request: ConfigureAgentInput, response: ConfigureAgentResult },
  draft: { method: "GET", path: "/draft", request: z.undefined(), response: "stream" },
  check: { method: "POST", path: "/check", request: CheckInput, response: CheckResult },
  checkOutput: { method: "GET", path: "/check-output", request: z.undefined(), response: "bytes" },
  diff: { method: "GET", path: "/diff", request: z.undefined(), response: WorkspaceDiff },
  adopt: { method: "POST", path: "/conversation", request: AdoptInput, response: AdoptResult },
  ack: { method: "POST", path: "/ack", request: AckInput, response: AckResult },
  snapshot: { method: "POST", path: "/snapshot", request: z.undefined(), response: WorkSnapshot },
  bundle: { method: "GET", path: "/bundle", request: z.undefined(), response: "bytes" },
  conversation: { method: "GET", path: "/conversation", request: z.undefined(), response: "bytes" },
  listFiles: { method: "GET", path: "/files", request: z.undefined(), response: FolderListing },
  listPaths: { method: "GET", path: "/paths", request: z.undefined(), response: FilePaths },
  file: { method: "GET", path: "/file", request: z.undefined(), response: "bytes" },
  openShell: { method: "POST", path: "/shells", request: ShellSize, response: Shell },
  listShells: { method: "GET", path: "/shells", request: z.undefined(), response: ShellList },
  followShell: { method: "GET", path: "/shell", request: z.undefined(), response: "stream" },
  closeShell: { method: "DELETE", path: "/shell", request: z.undefined(), response: Shell },
  shellInput: { method: "POST", path: "/shell-input", request: ShellInput, response: ShellInputResult },
  resizeShell: { method: "POST", path: "/shell-resize", request: ShellResize, response: Shell },
} as const;
export type ExecutorRouteName = keyof typeof executorRoutes;
