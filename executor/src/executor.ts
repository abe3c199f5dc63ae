import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type {
  AckInput,
  AckResult,
  AdoptInput,
  AdoptResult,
  AnswerQuestionInput,
  AnswerQuestionResult,
  BundleQuery,
  CheckInput,
  CheckOutputQuery,
  CheckResult,
  ConfigureAgentInput,
  ConfigureAgentResult,
  ConversationQuery,
  ExecuteInput,
  ExecutorHealth,
  FilePaths,
  FileQuery,
  FolderListing,
  FollowShellQuery,
  GitCloneInput,
  GitCloneResult,
  InitGitInput,
  InitGitResult,
  InterruptResult,
  RestoreInput,
  RestoreResult,
  SetUpInput,
  Shell,
  ShellInput,
  ShellInputResult,
  ShellList,
  ShellQuery,
  ShellResize,
  ShellSize,
  SnapshotQuery,
  WorkSnapshot,
  WorkspaceDiff,
} from "@ccr/protocol";
import { CcrError } from "@ccr/protocol";
import type { z } from "zod";
import type { Checks } from "./checks.ts";
import { assertCloned, cloneDirectories, clonePath } from "./clones.ts";
import type { AgentSettings } from "./config.ts";
import type { Conversation } from "./conversation.ts";
import { adoptConversation, readConversation } from "./conversation-file.ts";
import { diffWorkspace } from "./diff.ts";
import type { Executions } from "./executions.ts";
import { gitClone } from "./git-clone.ts";
import { initGit } from "./git-init.ts";
import type { Questions } from "./questions.ts";
import { restore } from "./restore.ts";
import { setUp } from "./set-up.ts";
import type { Shells } from "./shells.ts";
import { Snapshots } from "./snapshot.ts";
import type { Spool } from "./spool.ts";
import type { StateFile } from "./state.ts";
import { stoppingError } from "./stopping.ts";
import { listFiles, readWorkspaceFile } from "./workspace-files.ts";
import { listPaths } from "./workspace-paths.ts";

/**
 * The bytes of a file. `length`: how many `chunks` gives, when that is known before. A failure within `chunks` cuts the answer, so what
 * can be refused is refused before.
 */
export interface Bytes {
  length: number | null;
  chunks: AsyncIterable<Buffer>;
}

export type Reply =
  | { kind: "json"; value: unknown }
  | { kind: "stream"; chunks: AsyncIterable<Buffer> }
  | ({ kind: "bytes" } & Bytes);

interface StreamOptions {
  after: number | undefined;
  signal: AbortSignal;
}

/** What the routes do: one method per route, given what the route's schema has read. */
export interface ExecutorApi {
  health(): Promise<ExecutorHealth>;
  initGit(input: InitGitInput): Promise<z.infer<typeof InitGitResult>>;
  gitClone(input: GitCloneInput, signal: AbortSignal): Promise<GitCloneResult>;
  setUp(input: SetUpInput, signal: AbortSignal): Promise<Reply>;
  restore(input: RestoreInput, signal: AbortSignal): Promise<RestoreResult>;
  execute(input: ExecuteInput, options: StreamOptions): Promise<Reply>;
  follow(options: StreamOptions): Promise<Reply>;
  interrupt(): Promise<z.infer<typeof InterruptResult>>;
  answer(input: AnswerQuestionInput): Promise<z.infer<typeof AnswerQuestionResult>>;
  configure(input: ConfigureAgentInput): Promise<z.infer<typeof ConfigureAgentResult>>;
  draft(signal: AbortSignal): Promise<Reply>;
  check(input: CheckInput, signal: AbortSignal): Promise<CheckResult>;
  checkOutput(query: z.infer<typeof CheckOutputQuery>, signal: AbortSignal): Promise<Bytes>;
  diff(signal: AbortSignal): Promise<WorkspaceDiff>;
  ack(input: z.infer<typeof AckInput>): Promise<z.infer<typeof AckResult>>;
  snapshot(query: z.infer<typeof SnapshotQuery>, signal: AbortSignal): Promise<WorkSnapshot>;
  bundle(query: z.infer<typeof BundleQuery>, signal: AbortSignal): Promise<Bytes>;
  conversation(query: z.infer<typeof ConversationQuery>, signal: AbortSignal): Promise<Bytes>;
  adopt(input: AdoptInput): Promise<z.infer<typeof AdoptResult>>;
  listFiles(query: z.infer<typeof FileQuery>): Promise<FolderListing>;
  listPaths(signal: AbortSignal): Promise<FilePaths>;
  file(query: z.infer<typeof FileQuery>): Promise<Bytes>;
  openShell(size: ShellSize): Promise<Shell>;
  listShells(): Promise<z.infer<typeof ShellList>>;
  followShell(query: z.infer<typeof FollowShellQuery>, signal: AbortSignal): Promise<Reply>;
  closeShell(query: z.infer<typeof ShellQuery>): Promise<Shell>;
  shellInput(input: ShellInput): Promise<ShellInputResult>;
  resizeShell(input: ShellResize): Promise<Shell>;
}

export interface ExecutorOptions {
  spool: Spool;
  state: StateFile;
  executions: Executions;
  conversation: Conversation;
  questions: Questions;
  checks: Checks;
  shells: Shells;
  workspace: string;
  home: string;
  /** Claude Code's own folder, where it keeps its conversations. */
  claudeFolder: string;
  scratch: string;
  /** For git. */
  commandEnvironment: Readonly<Record<string, string>>;
  /** For the script of a set-up. */
  setUpEnvironment: Readonly<Record<string, string>>;
  claudeCodeVersion: string;
  prewarm: AgentSettings | null;
}

async function* jsonLines(values: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  for await (const value of values) yield Buffer.from(`${JSON.stringify(value)}\n`);
}

/** The executor's parts, put together behind its routes. */
export class Executor implements ExecutorApi {
  readonly #parts: ExecutorOptions;
  readonly #startedAt = new Date().toISOString();
  /** By the clone's folder. */
  readonly #snapshots = new Map<string | undefined, Snapshots>();
  #gitTurn: Promise<unknown> = Promise.resolve();
  #stopping = false;

  constructor(parts: ExecutorOptions) {
    this.#parts = parts;
  }

  /** Starts Claude Code in advance, when that is wanted. Never rejects. */
  async prewarm(): Promise<void> {
    const { conversation, prewarm, workspace, state } = this.#parts;
    if (prewarm === null) return;
    const names = await readdir(workspace).catch((): string[] => []);
    await conversation.prewarm(prewarm, { workspaceReady: names.length > 0 && state.get().cloning === null });
  }

  /**
   * Takes no more work (`unavailable`) and ends what is going on; resolves when that has ended, with its end in the spool. What there is can
   * still be read, and acknowledged.
   */
  async stop(): Promise<void> {
    const { executions, checks, shells, conversation } = this.#parts;
    this.#stopping = true;
    await Promise.all([executions.close(), checks.close(), shells.stop()]);
    await conversation.close();
  }

  async health(): Promise<ExecutorHealth> {
    const { executions, conversation, spool, claudeCodeVersion } = this.#parts;
    return {
      status: "ok",
      state: executions.currentId === null ? "idle" : "executing",
      executionId: executions.currentId,
      sessionId: conversation.sessionId,
      lastSeq: spool.lastSeq,
      ackedSeq: spool.ackedSeq,
      spoolBytes: spool.bytes,
      startedAt: this.#startedAt,
      executingMs: executions.currentMs,
      claudeCodeVersion,
    };
  }

  async initGit(input: InitGitInput): Promise<z.infer<typeof InitGitResult>> {
    this.#assertWorking();
    const { home, commandEnvironment: env } = this.#parts;
    return this.#oneAfterAnother(() => initGit(input, { home, env }));
  }

  async gitClone(input: GitCloneInput, signal: AbortSignal): Promise<GitCloneResult> {
    this.#assertWorking();
    const { home, commandEnvironment: env, workspace, state, conversation } = this.#parts;
    const result = await this.#oneAfterAnother(() => gitClone(input, { home, env, workspace, state, signal }));
    if (input.moreFollows !== true) void conversation.attach();
    return result;
  }

  async setUp(input: SetUpInput, signal: AbortSignal): Promise<Reply> {
    this.#assertWorking();
    const { workspace, setUpEnvironment: env, state } = this.#parts;
    const { directory } = input;
    if (directory !== undefined) assertCloned(state.get().clones, directory);
    return { kind: "stream", chunks: await setUp(input, { workspace: clonePath(workspace, directory), env, signal }) };
  }

  async restore(input: RestoreInput, signal: AbortSignal): Promise<RestoreResult> {
    this.#assertWorking();
    const { workspace, home, commandEnvironment: env, state, conversation } = this.#parts;
    const result = await this.#oneAfterAnother(() =>
      restore(input, { workspace, directories: cloneDirectories(state.get().clones), home, env, signal }),
    );
    // It looks around in there, which would slow down the copying.
    void conversation.attach();
    return result;
  }

  async execute(input: ExecuteInput, { after, signal }: StreamOptions): Promise<Reply> {
    const { executions, spool, workspace } = this.#parts;
    executions.assertTakes(input);
    await readdir(workspace).catch(() => {
      throw new CcrError("conflict", `There is no workspace at ${workspace}: clone a repository first.`);
    });
    if (after !== undefined) spool.assertReadable(after);
    const record = await executions.start(input);
    const from = after ?? record.firstSeq - 1;
    if (from < spool.ackedSeq) {
      const ending = spool.endingOf(record.executionId);
      throw new CcrError(
        "conflict",
        `The execution '${record.executionId}' ${ending === null ? "is going on" : `has ended (${ending})`}, and everything up to ${spool.ackedSeq} was acknowledged. Ask with after=${spool.ackedSeq} for what came then.`,
      );
    }
    spool.assertReadable(from);
    return { kind: "stream", chunks: spool.read({ after: from, end: () => record.endSeq, signal }) };
  }

  async follow({ after = 0, signal }: StreamOptions): Promise<Reply> {
    const { executions, spool } = this.#parts;
    spool.assertReadable(after);
    const end = await executions.follow(after);
    return { kind: "stream", chunks: spool.read({ after, end, signal }) };
  }

  async ack({ seq }: z.infer<typeof AckInput>): Promise<z.infer<typeof AckResult>> {
    return { ackedSeq: await this.#parts.spool.ack(seq) };
  }

  async interrupt(): Promise<z.infer<typeof InterruptResult>> {
    const { executions, checks } = this.#parts;
    const ended = await Promise.all([executions.interrupt(), checks.interrupt()]);
    return { interrupted: ended.includes(true) };
  }

  async answer({ questionId, ...answered }: AnswerQuestionInput): Promise<z.infer<typeof AnswerQuestionResult>> {
    return { answered: this.#parts.questions.answer(questionId, answered) };
  }

  async configure(input: ConfigureAgentInput): Promise<z.infer<typeof ConfigureAgentResult>> {
    this.#assertWorking();
    const { executions, conversation } = this.#parts;
    // One that is just beginning gets its agent by what it was sent with.
    const isBegun = executions.configure(input);
    return { configured: (await conversation.configure(input)) || isBegun };
  }

  async draft(signal: AbortSignal): Promise<Reply> {
    return { kind: "stream", chunks: jsonLines(this.#parts.executions.drafts.follow(signal)) };
  }

  async check(input: CheckInput, signal: AbortSignal): Promise<CheckResult> {
    this.#assertWorking();
    return this.#parts.checks.check(input, signal);
  }

  checkOutput({ checkId }: z.infer<typeof CheckOutputQuery>, signal: AbortSignal): Promise<Bytes> {
    return this.#parts.checks.output(checkId, signal);
  }

  diff(signal: AbortSignal): Promise<WorkspaceDiff> {
    const { workspace, commandEnvironment: env, scratch, state } = this.#parts;
    return diffWorkspace({ workspace, env, scratch: join(scratch, "diffs"), state, signal });
  }

  async snapshot({ directory }: z.infer<typeof SnapshotQuery>, signal: AbortSignal): Promise<WorkSnapshot> {
    this.#assertWorking();
    return this.#snapshotsOf(directory).take(signal);
  }

  async bundle({ directory, snapshot }: z.infer<typeof BundleQuery>, signal: AbortSignal): Promise<Bytes> {
    return this.#snapshotsOf(directory).bundle(snapshot, signal);
  }

  conversation({ session, after }: z.infer<typeof ConversationQuery>, signal: AbortSignal): Promise<Bytes> {
    return readConversation({ configFolder: this.#parts.claudeFolder, session, after, signal });
  }

  /** The next execution goes on with a conversation of another sandbox. Idempotent; `conflict` once this one has a conversation of its own. */
  async adopt(input: AdoptInput): Promise<z.infer<typeof AdoptResult>> {
    this.#assertWorking();
    const { claudeFolder, workspace, state, conversation, executions } = this.#parts;
    return this.#oneAfterAnother(async () => {
      const { adopted } = state.get();
      const isOther = conversation.sessionId !== null && conversation.sessionId !== input.session;
      if (executions.currentId !== null || isOther || (adopted !== null && adopted !== input.session))
        throw new CcrError(
          "conflict",
          "There is a conversation here already: another one can only be gone on with in its place.",
        );
      const bytes = await adoptConversation({ ...input, claudeFolder, workspace });
      await state.update({ adopted: input.session });
      // One that was started ahead began a conversation of its own.
      await conversation.stopProcess();
      conversation.sessionId = input.session;
      return { bytes };
    });
  }

  listFiles({ path }: z.infer<typeof FileQuery>): Promise<FolderListing> {
    return listFiles(this.#parts.workspace, path);
  }

  listPaths(signal: AbortSignal): Promise<FilePaths> {
    const { workspace, commandEnvironment: env, state } = this.#parts;
    return listPaths({ workspace, env, state, signal });
  }

  file({ path }: z.infer<typeof FileQuery>): Promise<Bytes> {
    return readWorkspaceFile(this.#parts.workspace, path);
  }

  openShell(size: ShellSize): Promise<Shell> {
    return this.#parts.shells.open(size);
  }

  async listShells(): Promise<z.infer<typeof ShellList>> {
    return { shells: this.#parts.shells.list() };
  }

  async followShell(query: z.infer<typeof FollowShellQuery>, signal: AbortSignal): Promise<Reply> {
    return { kind: "stream", chunks: this.#parts.shells.follow(query, signal) };
  }

  closeShell({ id }: z.infer<typeof ShellQuery>): Promise<Shell> {
    return this.#parts.shells.close(id);
  }

  async shellInput(input: ShellInput): Promise<ShellInputResult> {
    return this.#parts.shells.type(input);
  }

  async resizeShell(input: ShellResize): Promise<Shell> {
    return this.#parts.shells.resize(input);
  }

  #snapshotsOf(directory: string | undefined): Snapshots {
    const { workspace, commandEnvironment: env, scratch, state } = this.#parts;
    assertCloned(state.get().clones, directory);
    const known = this.#snapshots.get(directory);
    if (known !== undefined) return known;
    // Apart from each other, whatever a folder of the workspace is called.
    const folder = directory === undefined ? "snapshots" : join("snapshots-of-folders", directory);
    const made = new Snapshots({ workspace, directory, env, scratch: join(scratch, folder), state });
    this.#snapshots.set(directory, made);
    return made;
  }

  #assertWorking(): void {
    if (this.#stopping) throw stoppingError();
  }

  /** git's configuration and the workspace are written by one request at a time. */
  #oneAfterAnother<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#gitTurn.then(work);
    this.#gitTurn = result.catch(() => {});
    return result;
  }
}
