import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { query, type SDKMessage, type SDKUserMessage } from "@anthropic-ai/claude-agent-sdk";

/** Runs the real Claude Code (for tests) against a model, one turn per prompt in one conversation, and gives all that it said. */
export const runClaude = async (options: {
  folder: string;
  workspace: string;
  modelUrl: string;
  prompts: readonly string[];
  env?: Record<string, string>;
}): Promise<SDKMessage[]> => {
  const home = join(options.folder, "home");
  await mkdir(home, { recursive: true });
  const said: SDKMessage[] = [];
  let goOn = () => {};
  const prompts = async function* (): AsyncGenerator<SDKUserMessage> {
    for (const content of options.prompts) {
      const finished = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      yield { type: "user", message: { role: "user", content }, parent_tool_use_id: null };
      await finished;
    }
  };
  const conversation = query({
    prompt: prompts(),
    options: {
      cwd: options.workspace,
      permissionMode: "bypassPermissions",
      allowDangerouslySkipPermissions: true,
      settingSources: [],
      systemPrompt: { type: "preset", preset: "claude_code" },
      env: {
        PATH: process.env.PATH,
        HOME: home,
        IS_SANDBOX: "1", // it refuses bypassed permissions to root elsewhere
        ANTHROPIC_BASE_URL: options.modelUrl,
        ANTHROPIC_API_KEY: "sk-test",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        // Nothing listens there: what a script tries to reach is refused at once, and no test leaves the machine.
        HTTPS_PROXY: "http://127.0.0.1:9",
        NO_PROXY: "127.0.0.1",
        ...options.env,
      },
    },
  });
  for await (const message of conversation) {
    said.push(message);
    if (message.type === "result") goOn();
  }
  return said;
};
