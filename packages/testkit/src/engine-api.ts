import { createReadStream } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import type { Readable } from "node:stream";
import { json, text } from "node:stream/consumers";

// An image of a gigabyte, from disk to disk.
const COPY_MS = 600_000;

/** The few calls to a Docker Engine that tests need to have one, and to look at it from outside; the driver under test has its own client. */
export interface EngineApi {
  /** Whether an engine answers within two seconds. */
  answers(): Promise<boolean>;
  hasImage(reference: string): Promise<boolean>;
  /** Fetches an image from its registry; gives why it could not. */
  pull(name: string, tag: string, timeoutMs: number): Promise<string | null>;
  /** Makes an image from a root file system. */
  importImage(tarFile: string, image: { name: string; tag: string }): Promise<void>;
  /** An image with all its layers, for another engine's `loadImage`. */
  saveImage(reference: string): Promise<Readable>;
  loadImage(saved: Readable): Promise<void>;
  /** Removes every image that no container uses. */
  prune(): Promise<void>;
  /** Removes every container of the engine, also those that run: only for an engine of one's own. */
  removeContainers(): Promise<void>;
  /** What is below this folder and mounted into a container, also into one that has ended. */
  mountedFrom(folder: string): Promise<string[]>;
}

interface Call {
  method: "GET" | "POST" | "DELETE";
  path: string;
  body?: Readable;
  timeoutMs?: number;
}

/** Calls the engine behind a unix socket. */
export const engineApi = (socketPath: string): EngineApi => {
  const call = ({ method, path, body, timeoutMs = 60_000 }: Call): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const sent = request({ socketPath, method, path, signal, headers: { host: "engine" } }, resolve);
      sent.once("error", reject);
      if (body === undefined) sent.end();
      else body.once("error", reject).pipe(sent);
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
      const problem = await errorIn(await call({ method: "POST", path, body: createReadStream(tarFile), timeoutMs: 300_000 }));
      if (problem !== null) throw new Error(`The engine did not take the base image: ${problem}`);
    },
    saveImage: async (reference) => {
      const saved = await call({ method: "GET", path: `/images/${encodeURIComponent(reference)}/get`, timeoutMs: COPY_MS });
      if (saved.statusCode !== 200) throw new Error(`The image ${reference} cannot be saved: ${(await text(saved)).trim()}`);
      return saved;
    },
    loadImage: async (saved) => {
      const problem = await errorIn(await call({ method: "POST", path: "/images/load", body: saved, timeoutMs: COPY_MS }));
      if (problem !== null) throw new Error(`The engine did not take an image: ${problem}`);
    },
    prune: async () => {
      const filters = encodeURIComponent(JSON.stringify({ dangling: ["false"] }));
      await text(await call({ method: "POST", path: `/images/prune?filters=${filters}`, timeoutMs: COPY_MS }));
    },
    removeContainers: async () => {
      const listed = await text(await call({ method: "GET", path: "/containers/json?all=true" }));
      for (const [, id] of listed.matchAll(/"Id":"([0-9a-f]{64})"/g))
        await text(await call({ method: "DELETE", path: `/containers/${id}?force=true&v=true` }));
    },
    mountedFrom: async (folder) => {
      const listed = await text(await call({ method: "GET", path: "/containers/json?all=true" }));
      const sources = [...listed.matchAll(/"Source":"((?:[^"\\]|\\.)*)"/g)].map(([, source]) => source ?? "");
      return sources.filter((source) => source === folder || source.startsWith(`${folder}/`));
    },
  };
};
