import { mkdir } from "node:fs/promises";
import { type Scenario as ModelScenario, parseScenario, type ScriptedModel, startScriptedModel } from "@ccr/scripted-model";
import { type TemporaryFolder, temporaryFolder } from "@ccr/testkit";
import { type Server, type ServerOptions, startServer } from "./server.ts";

/** The real stack: a scripted model and the real server before it, with a data folder of its own. */
/** `restart` starts another server on the same data, once the first one has ended. */
export type Stack = AsyncDisposable & {
  model: ScriptedModel;
  server: Server;
  folder: TemporaryFolder;
  repositories: string;
  restart(environment?: Record<string, string>, other?: Pick<ServerOptions, "uiFolder">): Promise<Server>;
};

/** A scenario that one line of text answers, for servers whose model does not matter. */
export const quietModel = (): ModelScenario =>
  parseScenario({ name: "quiet", rules: [{ turns: [{ blocks: [{ type: "text", text: "Nothing to do." }] }] }] });

export const startStack = async (
  options: Omit<ServerOptions, "dataDir" | "modelUrl"> & { scenario?: unknown },
): Promise<Stack> => {
  const parts = new AsyncDisposableStack();
  try {
    const folder = parts.use(await temporaryFolder());
    const model = parts.use(
      await startScriptedModel({
        scenario: options.scenario === undefined ? quietModel() : parseScenario(options.scenario),
        recordPath: folder.join("model.ndjson"),
      }),
    );
    const repositories = folder.join("repositories");
    await mkdir(repositories, { recursive: true });
    const { scenario: _scenario, ...serverOptions } = options;
    const start = (environment: Record<string, string> = {}, other: Pick<ServerOptions, "uiFolder"> = {}) =>
      startServer({
        ...serverOptions,
        ...other,
        environment: { ...serverOptions.environment, ...environment },
        dataDir: folder.join("data"),
        modelUrl: model.url,
        localRepositories: [repositories, ...(options.localRepositories ?? [])],
      });
    const server = parts.use(await start());
    return { model, server, folder, repositories, restart: start, [Symbol.asyncDispose]: () => parts.disposeAsync() };
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
};
