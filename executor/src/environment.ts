import { randomUUID } from "node:crypto";

type Variables = Readonly<Record<string, string>>;

/** The variable by which every process of the agent is known, also one that has left its parent and its process group. */
export const AGENT_MARK = "CCR_EXECUTOR_AGENT";
/** The same of a judge, which comes and goes while the agent is there. */
export const JUDGE_MARK = "CCR_EXECUTOR_JUDGE";
/** The same of checks, of shells and of git. */
export const COMMAND_MARK = "CCR_EXECUTOR_COMMAND";
/** The same of checks alone. */
export const CHECK_MARK = "CCR_EXECUTOR_CHECK";
/** The same of one shell, with its id. */
export const SHELL_MARK = "CCR_EXECUTOR_SHELL";

const OWN = /^(ANTHROPIC_|CLAUDE_|CLAUDECODE$|CCR_EXECUTOR_)/i;
const CREDENTIAL = /(TOKEN(?!S)|SECRET|PASSWORD|PASSWD|CREDENTIAL|PRIVATE_KEY|API_?KEY|ACCESS_KEY)/i;
/** Names of models are no secret and no address: they stay when the rest of Claude Code's addressing is replaced by the gateway. */
const MODEL_NAME = /^ANTHROPIC_(MODEL|SMALL_FAST_MODEL|DEFAULT_[A-Z]+_MODEL)$/;
const OTHER_PROVIDER = /^CLAUDE_CODE_USE_/;

const proxies = (gatewayUrl: string | null): Record<string, string> =>
  gatewayUrl === null
    ? {}
    : {
        HTTP_PROXY: gatewayUrl,
        HTTPS_PROXY: gatewayUrl,
        http_proxy: gatewayUrl,
        https_proxy: gatewayUrl,
        NO_PROXY: "127.0.0.1,localhost",
        no_proxy: "127.0.0.1,localhost",
      };

const without = (variables: Variables, drop: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(Object.entries(variables).filter(([name]) => !drop(name)));

/** What commands of checks, of set-ups, of shells and git get: no variable that looks like a credential, and none that is meant for Claude Code. Pure. */
export const commandEnvironment = (
  inherited: Variables,
  { gatewayUrl, mark }: { gatewayUrl: string | null; mark: string },
): Record<string, string> => ({
  ...without(inherited, (name) => OWN.test(name) || CREDENTIAL.test(name)),
  ...proxies(gatewayUrl),
  [COMMAND_MARK]: mark,
});

const leadsElsewhere = (name: string): boolean =>
  CREDENTIAL.test(name) || OTHER_PROVIDER.test(name) || (name.startsWith("ANTHROPIC_") && !MODEL_NAME.test(name));

export interface AgentEnvironmentOptions {
  gatewayUrl: string | null;
  isRoot: boolean;
  /** The value of `AGENT_MARK`. */
  mark: string;
}

/**
 * What Claude Code gets. With a gateway, every credential that came in is taken out and replaced by a dummy: the real one is added
 * outside. Without one, the usual variables are passed on. Pure.
 */
export const agentEnvironment = (
  inherited: Variables,
  { gatewayUrl, isRoot, mark }: AgentEnvironmentOptions,
): Record<string, string> => ({
  ...without(inherited, (name) => name === "CLAUDECODE" || (gatewayUrl !== null && leadsElsewhere(name))),
  ...proxies(gatewayUrl),
  ...(gatewayUrl === null ? {} : { ANTHROPIC_BASE_URL: gatewayUrl, ANTHROPIC_API_KEY: "sandbox" }),
  // Claude Code refuses bypassed permissions to root unless it is told that a sandbox is around it.
  ...(isRoot ? { IS_SANDBOX: "1" } : {}),
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  // People who watch want to see what is planned and what is done; Claude Code keeps such a list only when it is told to.
  CLAUDE_CODE_ENABLE_TODO_TOOLS: "1",
  // The same shell in every sandbox, whatever its image's user has.
  SHELL: "/bin/bash",
  DISABLE_AUTOUPDATER: "1",
  CLAUDE_AGENT_SDK_CLIENT_APP: "claude-code-runner",
  [AGENT_MARK]: mark,
});

/** What Claude Code gets for a turn that judges, from what it gets otherwise. Pure. */
export const judgeEnvironment = ({ [AGENT_MARK]: mark = "", ...agent }: Variables): Record<string, string> => ({
  ...agent,
  // Whoever works in the sandbox can write such a memory, and Claude Code shows it as the user's own instructions.
  CLAUDE_CODE_DISABLE_AUTO_MEMORY: "1",
  // No tool is held back until it is searched for: what is offered is all there is.
  ENABLE_TOOL_SEARCH: "false",
  [JUDGE_MARK]: mark,
});

/** A value for `AGENT_MARK` that no other executor uses. */
export const newAgentMark = (): string => randomUUID();
