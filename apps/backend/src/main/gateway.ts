import { join } from "node:path";
import type { Config } from "../config.ts";
import { startGateway } from "../gateway/process.ts";
import type { Report } from "../report.ts";

/** Finds the gateway that an earlier start left, or starts one, with all that it alone may know. */
export const openGateway = (options: { config: Config; doors: string; modelUrl: string | null; log: Report["log"] }) => {
  const { config, doors, modelUrl, log } = options;
  const credential = config.modelCredential;
  return startGateway({
    controlSocket: join(doors, "gateway.sock"),
    logFile: join(config.dataDir, "gateway.log"),
    environment: {
      ...config.childEnvironment,
      ...(credential === null
        ? { ANTHROPIC_API_KEY: "demo" }
        : { [credential.kind === "api_key" ? "ANTHROPIC_API_KEY" : "CLAUDE_CODE_OAUTH_TOKEN"]: credential.value }),
      ...(modelUrl === null ? {} : { ANTHROPIC_BASE_URL: modelUrl }),
    },
    log,
  });
};
