import { createReadStream } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { json, text } from "node:stream/consumers";

/** The few calls to a Docker Engine that starting one for tests takes; the driver under test has its own client. */
export interface EngineApi {
  /** Whether an engine answers within two seconds. */
  answers(): Promise<boolean>;
  hasImage(reference: string): Promise<boolean>;
  /** Fetches an image from its registry; gives why it could not. */
  pull(name: string, tag: string, timeoutMs: number): Promise<string | null>;
  /** Makes an image from a root file system. */
  importImage(tarFile: string, image: { name: string; tag: string }): Promise<void>;
}

interface Call {
  method: "GET" | "POST";
  path: string;
  bodyFile?: string;
  timeoutMs?: number;
}

/** Calls the engine behind a unix socket. */
export const engineApi = (socketPath: string): EngineApi => {
  const call = ({ method, path, bodyFile, timeoutMs = 60_000 }: Call): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const sent = request({ socketPath, method, path, signal, headers: { host: "engine" } }, resolve);
      sent.once("error", reject);
      if (bodyFile === undefined) sent.end();
      else createReadStream(bodyFile).once("error", reject).pipe(sent);
    });

  /** The engine answers 200 before it begins: how it ended stands in the last lines. */
  const errorIn = async (response: IncomingMessage): Promise<string | null> => {
    const lines = await text(response);
    if (response.statusCode !== 200) return lines.trim();
    return /"error":\s*"((?:[^"\\]|\\.)*)"/.exec(lines)?.[1] ?? null;
  };

  return {
    answers: async () => {
      try {
        const response = await call({ method: "GET", path: "/_ping", timeoutMs: 2_000 });
        return response.statusCode === 200 && (await text(response)) === "OK";
      } catch {
        return false;
      }
    },
    hasImage: async (reference) => {
      const response = await call({ method: "GET", path: `/images/${encodeURIComponent(reference)}/json` });
      await json(response);
      return response.statusCode === 200;
    },
    pull: async (name, tag, timeoutMs) => {
      try {
        return await errorIn(await call({ method: "POST", path: `/images/create?fromImage=${name}&tag=${tag}`, timeoutMs }));
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    },
    importImage: async (tarFile, { name, tag }) => {
      const path = `/images/create?fromSrc=-&repo=${name}&tag=${tag}`;
      const problem = await errorIn(await call({ method: "POST", path, bodyFile: tarFile, timeoutMs: 300_000 }));
      if (problem !== null) throw new Error(`The engine did not take the base image: ${problem}`);
    },
  };
};
