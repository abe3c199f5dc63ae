import { setTimeout as delay } from "node:timers/promises";
import { ForgeError, hostSays, refusalError } from "./failure.ts";

/** How patient and how greedy calls to a host are. */
export interface FetchLimits {
  /** For one request and its whole answer. */
  timeoutMs: number;
  /** A JSON answer that is larger is refused. A hundred pull requests, each with as long a text as hosts allow, stay below it. */
  answerMaxBytes: number;
  /** Of a log so much is read; a longer one is left unread from there on. */
  logReadMaxBytes: number;
  /** How much of a log's end is kept. */
  logKeepBytes: number;
  /** A host that wants us to wait longer is not waited for. */
  patienceMs: number;
  /** The pause before a reading request is tried once more. */
  retryGapMs: number;
}

export const FETCH_LIMITS: FetchLimits = {
  timeoutMs: 20_000,
  answerMaxBytes: 16 * 1024 * 1024,
  logReadMaxBytes: 64 * 1024 * 1024,
  logKeepBytes: 64 * 1024,
  patienceMs: 10_000,
  retryGapMs: 500,
};

export interface HostConnection {
  /** For sentences. */
  host: string;
  apiUrl: string;
  secrets: readonly string[];
  limits: FetchLimits;
}

/** What every request of one call has in common. */
export interface HostCall {
  /** Headers that show who asks; they never go to another origin. */
  credential: Readonly<Record<string, string>>;
  signal: AbortSignal;
  /** A log may lie on another host; it is read from there without the credential, and only its end is kept. */
  answer: "json" | "log";
}

/** As clients of hosts take it. It gives answers with a status of 200 to 299 alone; for anything else it throws a `ForgeError`. */
export type HostFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

type Wanted = { url: URL; method: string; headers: Headers; body: RequestInit["body"] };

const REDIRECTS_MAX = 3;
const TRIES_MAX = 3;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether what is sent to a URL stays secret on the way: over TLS, or within this machine. Pure. */
export const isPrivateUrl = (url: URL): boolean => url.protocol === "https:" || LOOPBACK.test(url.hostname);

const readRequest = async (input: string | URL | Request, init: RequestInit | undefined): Promise<Wanted> => {
  if (input instanceof Request) {
    const text = input.body === null ? null : await input.text();
    return { url: new URL(input.url), method: input.method, headers: new Headers(input.headers), body: text };
  }
  return {
    url: new URL(input),
    method: init?.method ?? "GET",
    headers: new Headers(init?.headers),
    body: init?.body ?? null,
  };
};

/** Seconds or a date, as milliseconds from now; null when it says neither. */
const readRetryAfter = (value: string | null): number | null => {
  if (value === null) return null;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
};

/** How long a host that limits us wants us to wait; null when the answer is not about that. */
const limitedForMs = (response: Response): number | null => {
  const after = readRetryAfter(response.headers.get("retry-after"));
  if (response.status === 429) return after ?? Number.POSITIVE_INFINITY;
  // GitHub says it with a 403, which without these headers means something else.
  if (response.status !== 403) return null;
  if (after !== null) return after;
  if (response.headers.get("x-ratelimit-remaining") !== "0") return null;
  const reset = response.headers.get("x-ratelimit-reset");
  return reset !== null && /^\d{1,12}$/.test(reset) ? Math.max(0, Number(reset) * 1000 - Date.now()) : Number.POSITIVE_INFINITY;
};

/** Reads all of a body up to `max` bytes; null when there is more. */
const readAll = async (response: Response, max: number): Promise<Buffer | null> => {
  if (Number(response.headers.get("content-length") ?? 0) > max) {
    await response.body?.cancel();
    return null;
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > max) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

/** Reads on to the end, or to `max` bytes, and keeps the last `keep` of them. */
const readTail = async (response: Response, { max, keep }: { max: number; keep: number }): Promise<Buffer> => {
  let tail = Buffer.alloc(0);
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    tail = Buffer.concat([tail, chunk]).subarray(-keep);
    if (size > max) break;
  }
  return tail;
};

const isJson = (response: Response): boolean =>
  /^application\/([\w.-]+\+)?json\b/.test(response.headers.get("content-type") ?? "");

/** An answer as it was, with a body that is all here. */
const complete = (response: Response, body: Buffer): Response =>
  new Response(response.status === 204 || response.status === 205 ? null : new Uint8Array(body), {
    status: response.status,
    headers: response.headers,
  });

/**
 * Makes the `fetch` through which every client talks to one host. It sends a credential to the API's own origin alone and only where it
 * stays secret, gives up after a time, takes answers of a bounded size, waits a little for a host that asks for it, and tries once more
 * what only reads. Throws a `ForgeError`, or the signal's reason.
 */
export const createHostFetch = ({ host, apiUrl, secrets, limits }: HostConnection) => {
  const origin = new URL(apiUrl).origin;

  const unreachable = (what: string, cause?: unknown) =>
    new ForgeError("unreachable", `${host} ${what}`, cause === undefined ? {} : { cause });

  const redirectOf = (wanted: Wanted, response: Response, call: HostCall): Wanted => {
    const location = response.headers.get("location");
    if (location === null || !URL.canParse(location, wanted.url))
      throw unreachable("sends us on without saying where to. Check apiUrl.");
    const url = new URL(location, wanted.url);
    const reads = wanted.method === "GET" || wanted.method === "HEAD";
    if (!reads && response.status !== 307 && response.status !== 308)
      throw unreachable(`moved the repository to ${url.host}${url.pathname}. Give its new address.`);
    if (url.origin === origin) return { ...wanted, url };
    if (call.answer !== "log" || !reads || !isPrivateUrl(url))
      throw unreachable(`sends us on to ${url.host}, where the token is not sent. Check apiUrl.`);
    return { ...wanted, url, headers: new Headers() };
  };

  const headersFor = (wanted: Wanted, call: HostCall): Headers => {
    const headers = new Headers(wanted.headers);
    headers.set("user-agent", "claude-code-runner");
    if (wanted.url.origin !== origin) return headers;
    for (const [name, value] of Object.entries(call.credential)) headers.set(name, value);
    const isSecret = headers.has("authorization") || headers.has("private-token");
    if (isSecret && !isPrivateUrl(wanted.url))
      throw new ForgeError(
        "refused",
        `The token is not sent to ${host} over http, where others can read it. Give an https apiUrl.`,
      );
    return headers;
  };

  const send = async (wanted: Wanted, call: HostCall, redirects = 0): Promise<Response> => {
    const headers = headersFor(wanted, call);
    const response = await fetch(wanted.url, {
      method: wanted.method,
      headers,
      body: wanted.body ?? null,
      redirect: "manual",
      signal: call.signal,
    });
    if (response.status < 300 || response.status === 304 || response.status >= 400) return response;
    await response.body?.cancel();
    if (redirects >= REDIRECTS_MAX) throw unreachable("sends us on and on. Check apiUrl.");
    return send(redirectOf(wanted, response, call), call, redirects + 1);
  };

  const read = async (response: Response, call: HostCall): Promise<Response> => {
    if (call.answer === "log")
      return complete(response, await readTail(response, { max: limits.logReadMaxBytes, keep: limits.logKeepBytes }));
    const body = await readAll(response, limits.answerMaxBytes);
    if (body === null)
      throw unreachable(
        `answered with more than ${limits.answerMaxBytes / (1024 * 1024)} MiB, which no answer here should have.`,
      );
    if (body.length > 0 && !isJson(response))
      throw unreachable(
        "answered with a page instead of data. Check that apiUrl is its API and that nothing asks for a login in between.",
      );
    if (body.length > 0 && !isParsable(body)) throw unreachable("answered with broken data. Try again later.");
    return complete(response, body);
  };

  const refuse = async (response: Response, isKnown: boolean): Promise<never> => {
    const body = (await readAll(response, limits.answerMaxBytes))?.toString("utf8") ?? "";
    throw refusalError({ host, status: response.status, body, isKnown, secrets });
  };

  const attempt = async (wanted: Wanted, call: HostCall): Promise<Response | { waitMs: number; error: ForgeError }> => {
    const timeout = AbortSignal.timeout(limits.timeoutMs);
    const until = { ...call, signal: AbortSignal.any([call.signal, timeout]) };
    try {
      const response = await send(wanted, until);
      const waitMs = limitedForMs(response);
      if (waitMs !== null) {
        const body = (await readAll(response, limits.answerMaxBytes))?.toString("utf8") ?? "";
        const said = hostSays(body, secrets);
        const when = Number.isFinite(waitMs) ? ` for ${Math.ceil(waitMs / 1000)} s` : "";
        const text = `${host} allows no more requests${when}. Wait, then try again.${said === "" ? "" : ` It says: ${said}`}`;
        return { waitMs, error: new ForgeError("rate_limited", text, { status: response.status, said }) };
      }
      if (response.status >= 300) return await refuse(response, Object.keys(call.credential).length > 0);
      return await read(response, until);
    } catch (error) {
      call.signal.throwIfAborted();
      if (error instanceof ForgeError) throw error;
      if (timeout.aborted) throw unreachable(`did not answer within ${limits.timeoutMs / 1000} s. Try again later.`, error);
      throw unreachable(`cannot be reached (${reasonOf(error)}). Check its name, the network and its certificate.`, error);
    }
  };

  return (call: HostCall): HostFetch =>
    async (input, init) => {
      call.signal.throwIfAborted();
      const wanted = await readRequest(input, init);
      if (wanted.url.origin !== origin) throw unreachable(`gave an address on ${wanted.url.host} for its own. Check apiUrl.`);
      let mayRepeat = wanted.method === "GET";
      for (let tries = 1; ; tries++) {
        try {
          const answer = await attempt(wanted, call);
          if (answer instanceof Response) return answer;
          if (tries >= TRIES_MAX || answer.waitMs > limits.patienceMs) throw answer.error;
          await pause(answer.waitMs, call.signal);
        } catch (error) {
          if (!mayRepeat || !(error instanceof ForgeError) || !isPassing(error)) throw error;
          mayRepeat = false;
          await pause(limits.retryGapMs, call.signal);
        }
      }
    };
};

const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await delay(ms, undefined, { signal }).catch(() => {}); // rejects when the signal aborts, with an error of its own
  signal.throwIfAborted();
};

/** Whether a second try could help. */
const isPassing = ({ kind, status, cause }: ForgeError): boolean =>
  kind === "unreachable" && (status === null ? cause !== undefined && !isTimeout(cause) : status >= 500);

const isTimeout = (error: unknown): boolean => error instanceof Error && error.name === "TimeoutError";

const isParsable = (body: Buffer): boolean => {
  try {
    JSON.parse(body.toString("utf8"));
    return true;
  } catch {
    return false;
  }
};

/** The innermost reason; `fetch` says no more than that it failed. */
const reasonOf = (error: unknown): string => {
  let reason = error;
  while (reason instanceof Error && reason.cause instanceof Error) reason = reason.cause;
  if (reason instanceof Error && "code" in reason && typeof reason.code === "string") return reason.code;
  return reason instanceof Error ? reason.message : String(reason);
};
