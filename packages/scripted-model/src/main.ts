import { parseArgs } from "node:util";
import { demoScenarioPath } from "./demo.ts";
import { loadScenario } from "./scenario.ts";
import { startScriptedModel } from "./server.ts";

const HELP = `Serves an Anthropic Messages API that plays a scenario.

usage: npm run scripted-model -- [options]

  --scenario FILE    the scenario to play (JSON); the demo when left out
  --port N           the port to listen on; a free one when left out
  --host ADDRESS     the address to listen on (127.0.0.1)
  --record FILE      append each request to this file as a line of JSON, with its headers as they came
  --credential TEXT  answer 401 to every other x-api-key or bearer token
  --help             show this

Point Claude Code at it:
  ANTHROPIC_BASE_URL=<the printed address> ANTHROPIC_API_KEY=any CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 claude -p "…"
`;

const readPort = (text: string | undefined): number => {
  if (text === undefined) return 0;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new Error(`--port takes a number from 0 to 65535, not '${text}'`);
  return port;
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      scenario: { type: "string" },
      port: { type: "string" },
      host: { type: "string" },
      record: { type: "string" },
      credential: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const port = readPort(values.port);
  const scenario = await loadScenario(values.scenario ?? demoScenarioPath);
  const model = await startScriptedModel({
    scenario,
    port,
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(values.record === undefined ? {} : { recordPath: values.record }),
    ...(values.credential === undefined ? {} : { credential: values.credential }),
  });
  process.stdout.write(`playing '${scenario.name}' at ${model.url}\n`);
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  await model[Symbol.asyncDispose]();
};

try {
  await main();
} catch (error) {
  const [line] = (error instanceof Error ? error.message : String(error)).split("\n");
  process.stderr.write(`scripted-model: ${line}\n`);
  process.exitCode = 1;
}
