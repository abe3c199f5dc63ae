import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { SpoolEvent } from "@ccr/protocol";
import { pinnedNode, type TemporaryFolder, temporaryFolder } from "@ccr/testkit";
import { executorMain } from "../index.ts";

export interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  text: string;
  json: unknown;
}

export interface EventStream extends AsyncIterable<SpoolEvent> {
  status: number;
  contentType: string | undefined;
}

export interface StartOptions {
  /** Where it lives; a folder that was used before brings its spool and its home along. */
  folder: TemporaryFolder;
  env?: Record<string, string>;
  /** A TCP address instead of a socket in the folder. */
  listen?: string;
}

export interface TestExecutor extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly address: string;
  /** What it wrote to its standard error. */
  stderr(): string;
  ask(
    method: string,
    path: string,
    body?: unknown,
    options?: { headers?: Record<string, string>; signal?: AbortSignal },
  ): Promise<Answer>;
  stream(
    method: string,
    path: string,
    body?: unknown,
    options?: { headers?: Record<string, string>; signal?: AbortSignal },
  ): Promise<EventStream>;
  /** Ends it with a signal and gives its exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** The environment of an executor that speaks with nobody but this machine. */
export const testEnvironment = (folder: TemporaryFolder): Record<string, string> => ({
  PATH: process.env.PATH ?? "",
  HOME: folder.join("home"),
  EXECUTOR_WORKSPACE: folder.join("workspace"),
  EXECUTOR_SPOOL: folder.join("spool"),
  EXECUTOR_PREWARM: "0",
  ANTHROPIC_API_KEY: "test-key",
  // Nothing listens there: what a script tries to reach is refused at once.
  HTTPS_PROXY: "http://127.0.0.1:9",
  NO_PROXY: "127.0.0.1",
});

/** Starts the real program and waits until it listens. */
export const startExecutor = async ({ folder, env = {}, listen }: StartOptions): Promise<TestExecutor> => {
  await mkdir(folder.join("home"), { recursive: true });
  const child = spawn(pinnedNode, [executorMain], {
    env: { ...testEnvironment(folder), EXECUTOR_LISTEN: listen ?? folder.join("e.sock"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const address = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const match = /listening on (.+)$/.exec(line);
      if (match?.[1] !== undefined) resolve(match[1]);
    });
    child.once("exit", (code) => reject(new Error(`the executor ended with ${code}: ${stderr}`)));
  });
  const send = async (
    method: string,
    path: string,
    body: unknown,
    options: { headers?: Record<string, string>; signal?: AbortSignal },
  ) => {
    const target = address.startsWith("/")
      ? { socketPath: address, host: "executor" }
      : { host: new URL(address).hostname.replace(/^\[|\]$/g, ""), port: Number(new URL(address).port) };
    const token = env.EXECUTOR_TOKEN;
    const request = httpRequest({
      ...target,
      method,
      path,
      agent: false,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...options.headers },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    request.on("error", () => {});
    if (body instanceof ReadableStream) {
      request.flushHeaders();
      void (async () => {
        for await (const part of body) request.write(part);
        request.end();
      })();
    } else {
      request.end(body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));
    }
    const [response]: [IncomingMessage] = await new Promise((resolve, reject) => {
      request.once("response", (message) => resolve([message]));
      request.once("error", reject);
    });
    return response;
  };
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, "exit");
      child.kill(signal);
      await exit;
    }
    return child.exitCode;
  };
  return {
    child,
    address,
    stderr: () => stderr,
    async ask(method, path, body, options = {}) {
      const response = await send(method, path, body, options);
      const text = (await response.setEncoding("utf8").toArray()).join("");
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {
        json = undefined;
      }
      return { status: response.statusCode ?? 0, headers: response.headers, text, json };
    },
    async stream(method, path, body, options = {}) {
      const response = await send(method, path, body, options);
      if (response.statusCode !== 200)
        throw new Error(`${response.statusCode}: ${(await response.setEncoding("utf8").toArray()).join("")}`);
      return {
        status: response.statusCode,
        contentType: response.headers["content-type"],
        [Symbol.asyncIterator]: () => readEvents(response),
      };
    },
    end,
    async [Symbol.asyncDispose]() {
      await end("SIGTERM");
    },
  };
};

async function* readEvents(response: IncomingMessage): AsyncGenerator<SpoolEvent> {
  let parts: string[] = [];
  for await (const chunk of response.setEncoding("utf8")) {
    const lines = String(chunk).split("\n");
    const last = lines.pop() ?? "";
    for (const line of lines) {
      yield SpoolEvent.parse(JSON.parse([...parts, line].join("")));
      parts = [];
    }
    if (last !== "") parts.push(last);
  }
  if (parts.length > 0) throw new Error("the stream ended within a line");
}

/** Reads a stream to its end. */
export const collect = async (events: AsyncIterable<SpoolEvent>): Promise<SpoolEvent[]> => {
  const all: SpoolEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
};

/** How the execution ended whose stream this is; throws when the last event does not say so. */
export const outcomeOf = (events: readonly SpoolEvent[]) => {
  const last = events.at(-1);
  if (last?.source !== "runner" || last.body.type !== "execution_ended") {
    throw new Error(`the stream does not end with the end of an execution: ${JSON.stringify(last)?.slice(0, 300)}`);
  }
  return last.body.outcome;
};

/** Throws unless the numbers go up by one from the first. */
export const assertNoGap = (events: readonly SpoolEvent[], first = events[0]?.seq ?? 1): void => {
  events.forEach((event, index) => {
    if (event.seq !== first + index) throw new Error(`event ${event.seq} stands where ${first + index} belongs`);
  });
};

/** A folder for an executor. */
export const executorFolder = async (): Promise<TemporaryFolder> => {
  const folder = await temporaryFolder();
  await mkdir(folder.join("workspace"), { recursive: true });
  return folder;
};
