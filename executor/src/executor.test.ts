import { mkdir } from "node:fs/promises";
import { GitCloneInput } from "@ccr/protocol";
import { createGitRepository, temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { Checks } from "./checks.ts";
import { Conversation } from "./conversation.ts";
import { Executions } from "./executions.ts";
import { Executor } from "./executor.ts";
import { Questions } from "./questions.ts";
import { Shells } from "./shells.ts";
import { Spool } from "./spool.ts";
import { StateFile } from "./state.ts";
import { systemClock } from "./watchdog.ts";

const { signal } = new AbortController();

/** Counts how often an agent that was started in advance would have been brought into the workspace. */
class CountedConversation extends Conversation {
  attached = 0;
  override async attach(): Promise<void> {
    this.attached += 1;
  }
}

/** An executor without a door, whose agent never starts. */
const place = async () => {
  const folder = await temporaryFolder();
  for (const name of ["home", "workspace", "left/home", "left/workspace", "empty"])
    await mkdir(folder.join(name), { recursive: true });
  const spool = await Spool.open(folder.join("spool"));
  const [workspace, home] = [folder.join("workspace"), folder.join("home")];
  const env = { PATH: process.env.PATH ?? "", HOME: home, GIT_CONFIG_NOSYSTEM: "1" };
  const conversation = new CountedConversation({
    loadSdk: () => import("@anthropic-ai/claude-agent-sdk"),
    workspace,
    home,
    executable: null,
    trustedConfigRoot: folder.join("empty"),
    environment: () => ({}),
    mark: "test",
    sessionId: null,
    onMessage: async () => {},
    ask: () => Promise.reject(new Error("nobody asks")),
  });
  const executor = new Executor({
    spool,
    state: await StateFile.open(folder.join("spool")),
    executions: new Executions({ spool, clock: systemClock, salt: "test" }),
    conversation,
    questions: new Questions({
      append: (body) => spool.append(body),
      plansFolder: folder.join("empty"),
      now: () => new Date(),
      onWaiting: () => {},
    }),
    checks: await Checks.open({
      folder: folder.join("checks"),
      run: () => Promise.reject(new Error("there is no check")),
      endLeft: async () => {},
      keep: (work) => work(),
    }),
    shells: new Shells({ workspace, env, mark: "test", onFirst: () => {} }),
    workspace,
    home,
    claudeFolder: folder.join("home/.claude"),
    scratch: folder.join("scratch"),
    commandEnvironment: env,
    setUpEnvironment: env,
    claudeCodeVersion: "0.0.0",
    prewarm: null,
  });
  return {
    folder,
    executor,
    conversation,
    [Symbol.asyncDispose]: async () => {
      await spool[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
};

describe("an agent that was started in advance", () => {
  it("comes into the workspace after the last repository, or after what a set-up left", async () => {
    await using here = await place();
    await using mirror = await createGitRepository({ bare: true, files: { a: "1" } });
    const clone = (fields: object) =>
      here.executor.gitClone(
        GitCloneInput.parse({ repositoryUrl: "https://host.test/a/b", mirrorPath: mirror.path, ...fields }),
        signal,
      );
    await clone({ directory: "api", moreFollows: true });
    await clone({ directory: "web", moreFollows: true });
    expect(here.conversation.attached).toBe(0);
    await clone({ directory: "docs" });
    expect(here.conversation.attached).toBe(1);
    // As whoever does not know whether the first one was heard asks again.
    await clone({ directory: "docs", moreFollows: true });
    expect(here.conversation.attached).toBe(1);
    await here.executor.restore({ from: here.folder.join("left") }, signal);
    expect(here.conversation.attached).toBe(2);
  });
});
