import { judgeOptions } from "./agent-options.ts";
import { AgentProcess } from "./agent-process.ts";
import type { AgentSettings } from "./config.ts";
import type { ConversationOptions } from "./conversation.ts";
import { JUDGE_MARK } from "./environment.ts";

export type JudgeOptions = Omit<ConversationOptions, "home" | "sessionId" | "ask">;

/**
 * Starts a judge in the workspace, beside the agent: it begins a conversation that nobody goes on with. To be killed when its turn has
 * ended. Rejects only when the SDK cannot be loaded; a failed start shows in `exited`.
 */
export const startJudge = async (
  { permissionMode: _, asks: __, ...limits }: AgentSettings,
  options: JudgeOptions,
): Promise<AgentProcess> => {
  const { loadSdk, workspace, executable, trustedConfigRoot, environment, mark, onMessage } = options;
  const judge = new AgentProcess({
    sdk: await loadSdk(),
    options: judgeOptions({ environment: environment(), trustedConfigRoot, executable, ...limits }),
    mark: { name: JUDGE_MARK, value: mark },
    onMessage,
  });
  judge.start({ cwd: workspace, resume: null });
  return judge;
};
