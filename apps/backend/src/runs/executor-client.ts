import { lstat } from "node:fs/promises";
import type { CheckInput, ExecuteInput, GitCloneInput, InitGitInput } from "@ccr/protocol";
import { CcrError, ErrorBody, executorRoutes, type SandboxEndpoint, SpoolEvent } from "@ccr/protocol";
import { Client, type Dispatcher } from "undici";
import type { z } from "zod";

/** The executor did not answer as agreed: it is gone, or was cut off. The sandbox's state says which. */
export class ExecutorLostError extends Error {
  override readonly name = "ExecutorLostError";
}

type Route = { method: "GET" | "POST"; path: string };
type JsonRoute<Result> = Route & { response: z.ZodType<Result> };

// A line may be as long as what a tool printed; beyond this something is wrong with the other side.
const LINE_MAX_BYTES = 256 * 1024 * 1024;

const lost = (doing: string, cause: unknown): ExecutorLostError =>
  new ExecutorLostError(`${doing}: the executor cannot be reached (${cause instanceof Error ? cause.message : String(cause)})`, {
    cause,
  });

/** Lines of a byte stream, without their ends; a last line without an end is a cut stream and is left out. */
async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      pending.push(chunk.subarray(start, end));
      yield Buffer.concat(pending).toString("utf8");
      pending = [];
      pendingBytes = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      pending.push(chunk.subarray(start));
      pendingBytes += chunk.length - start;
      if (pendingBytes > LINE_MAX_BYTES) throw new ExecutorLostError("the executor sent a line beyond every limit");
    }
  }
}

/** Speaks with one sandbox's executor through its door. Errors it reports are `CcrError`s; silence is an `ExecutorLostError`. */
export const connectExecutor = (endpoint: SandboxEndpoint) => {
  // Streams stay silent for as long as the agent thinks, so the client has no time limits of its own; calls bring a signal.
  const options: Client.Options = { headersTimeout: 0, bodyTimeout: 0, pipelining: 0 };
  const open = async (): Promise<Client> => {
    if (!("socketPath" in endpoint)) return new Client(endpoint.url, options);
    // The sandbox can write into the folder of its door: a link there must not lead us to a socket of the host.
    if (!(await lstat(endpoint.socketPath)).isSocket()) throw new Error(`${endpoint.socketPath} is not a socket`);
    return new Client("http://executor", { ...options, connect: { socketPath: endpoint.socketPath } });
  };

  const request = async (
    route: Route,
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<{ client: Client; response: Dispatcher.ResponseData }> => {
    const client = await open().catch((error: unknown) => {
      throw lost(route.path, error);
    });
    try {
      const response = await client.request({
        method: route.method,
        path,
        signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      if (response.statusCode >= 400) {
        const parsed = ErrorBody.safeParse(await response.body.json().catch(() => null));
        if (!parsed.success) throw lost(route.path, new Error(`it answered ${response.statusCode}`));
        throw new CcrError(parsed.data.error.code, parsed.data.error.message);
      }
      return { client, response };
    } catch (error) {
      await client.destroy();
      signal.throwIfAborted();
      throw error instanceof CcrError || error instanceof ExecutorLostError ? error : lost(route.path, error);
    }
  };

  const call = async <Result>(route: JsonRoute<Result>, body: unknown, signal: AbortSignal): Promise<Result> => {
    const { client, response } = await request(route, route.path, body, signal);
    try {
      return route.response.parse(await response.body.json());
    } catch (error) {
      signal.throwIfAborted();
      throw lost(route.path, error);
    } finally {
      await client.destroy();
    }
  };

  async function* stream(route: Route, after: number, body: unknown, signal: AbortSignal): AsyncGenerator<SpoolEvent> {
    const { client, response } = await request(route, `${route.path}?after=${after}`, body, signal);
    try {
      for await (const line of lines(response.body)) yield SpoolEvent.parse(JSON.parse(line));
    } catch (error) {
      signal.throwIfAborted();
      throw lost(route.path, error);
    } finally {
      await client.destroy();
    }
  }

  return {
    health: (signal: AbortSignal) => call(executorRoutes.health, undefined, signal),
    initGit: (input: InitGitInput, signal: AbortSignal) => call(executorRoutes.initGit, input, signal),
    gitClone: (input: GitCloneInput, signal: AbortSignal) => call(executorRoutes.gitClone, input, signal),
    interrupt: (signal: AbortSignal) => call(executorRoutes.interrupt, undefined, signal),
    check: (input: CheckInput, signal: AbortSignal) => call(executorRoutes.check, input, signal),
    diff: (signal: AbortSignal) => call(executorRoutes.diff, undefined, signal),
    /** Starts an execution and gives every event after `after`; ends after its `execution_ended`, or early when the connection is cut. */
    execute: (input: ExecuteInput, after: number, signal: AbortSignal) => stream(executorRoutes.execute, after, input, signal),
    /** Every event after `after`, to the end of a running execution. */
    follow: (after: number, signal: AbortSignal) => stream(executorRoutes.follow, after, undefined, signal),
  };
};
export type ExecutorClient = ReturnType<typeof connectExecutor>;
