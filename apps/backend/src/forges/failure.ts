/** Why a host did not do what it was asked. */
export type ForgeProblem = "unauthorized" | "forbidden" | "not_found" | "refused" | "rate_limited" | "unreachable";

/** A git host did not do what it was asked. `message` says what happened and what to do, and holds no secret. */
export class ForgeError extends Error {
  override readonly name = "ForgeError";
  readonly kind: ForgeProblem;
  /** The status of the host's answer; null when there was none. */
  readonly status: number | null;
  /** The host's own words, for telling its refusals apart. */
  readonly said: string;

  constructor(kind: ForgeProblem, message: string, details: { status?: number; said?: string; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.kind = kind;
    this.status = details.status ?? null;
    this.said = details.said ?? "";
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: a host chooses this text
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+/g;
const SAID_MAX = 300;

const withoutSecrets = (text: string, secrets: readonly string[]): string =>
  secrets.reduce((clean, secret) => (secret === "" ? clean : clean.replaceAll(secret, "***")), text);

// Names of things and places, which are for programs.
const NOT_WORDS = new Set(["type", "code", "resource", "field", "status", "url", "documentation_url"]);

/** Every text in a JSON value that is meant to be read, in order. */
const textsIn = (value: unknown): string[] => {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (NOT_WORDS.has(key) ? [] : textsIn(inner)));
};

/** What a host's answer says of a refusal, in one line without secrets; empty when it says nothing that a person could read. Pure. */
export const hostSays = (body: string, secrets: readonly string[]): string => {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return ""; // a web page, or half an answer
  }
  const words = [...new Set(textsIn(value).filter((text) => text !== ""))].join("; ");
  return withoutSecrets(words, secrets).replace(INVISIBLE, " ").trim().slice(0, SAID_MAX);
};

/** What the sentence about a refusal needs to know. */
export interface Refusal {
  host: string;
  status: number;
  body: string;
  /** Whether a credential went along. */
  isKnown: boolean;
  secrets: readonly string[];
}

/** The error that an answer with a status of 300 or more stands for. Pure. */
export const refusalError = ({ host, status, body, isKnown, secrets }: Refusal): ForgeError => {
  const said = hostSays(body, secrets);
  const details = { status, said };
  const words = said === "" ? "" : ` It says: ${said}`;
  const who = isKnown ? "the token" : "a token";
  switch (true) {
    case status === 401:
      return new ForgeError(
        "unauthorized",
        `${host} ${isKnown ? "does not take the token: it is wrong or has expired. Give this server a new one." : "asks for a token. Give this server one for that host."}${words}`,
        details,
      );
    // 423: Gitea's word for an archived repository.
    case status === 403 || status === 423:
      return new ForgeError(
        "forbidden",
        `${host} does not allow this: ${who} needs more rights, or the repository is archived or closed to changes.${words}`,
        details,
      );
    case status === 404 || status === 410:
      return new ForgeError("not_found", `${host} has no such thing, or ${who} may not see it.${words}`, details);
    case status === 429:
      return new ForgeError("rate_limited", `${host} allows no more requests for now. Wait, then try again.${words}`, details);
    case status >= 500:
      return new ForgeError("unreachable", `${host} failed with status ${status}. Try again later.${words}`, details);
    case status >= 400:
      return new ForgeError("refused", `${host} refused this with status ${status}.${words}`, details);
    default:
      return new ForgeError("unreachable", `${host} answered with status ${status}, which is no answer here.`, details);
  }
};

const findForgeError = (error: unknown): ForgeError | null => {
  let at = error;
  for (let depth = 0; depth < 5 && at instanceof Error; depth++) {
    if (at instanceof ForgeError) return at;
    at = at.cause;
  }
  return null;
};

/**
 * Does what it is given, and throws the `ForgeError` itself, or the reason of the signal, where a client of a host wrapped it in an error
 * of its own.
 */
export const unwrapped = async <T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    throw findForgeError(error) ?? error;
  }
};
