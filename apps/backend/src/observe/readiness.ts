import type { Readiness, ReadinessPart } from "@ccr/protocol";
import { READINESS_PARTS } from "@ccr/protocol";
import type { WriteLog } from "./log.ts";

/** Looks at one part. Resolves with what is wrong, for the log, or with null; rejects when that cannot be told. */
export type PartCheck = (signal: AbortSignal) => Promise<string | null>;

export type ReadinessOptions = {
  checks: Readonly<Record<ReadinessPart, PartCheck>>;
  log: WriteLog;
  elapsedMs?: () => number;
  /** For so long an answer is given again. */
  cacheMs?: number;
  /** One check may take so long. */
  withinMs?: number;
};

/** What anybody may read, without paths, addresses and versions: the log has those. */
const SENTENCES = {
  store: "The database cannot be read and written; the server's log says why.",
  sandbox: "No sandbox can be made now; the server's log says why.",
  gateway: "The gateway does not answer; it is started again by itself.",
  disk: "There is too little room on a disk: runs wait until there is more.",
} as const satisfies Record<ReadinessPart, string>;

const CACHE_MS = 2_000;
const WITHIN_MS = 5_000;

/**
 * Whether the server could start a run now, part by part. However often it is asked, each part is looked at once in two seconds, and
 * never twice at the same time; a part that does not answer counts as down. Never throws. What changes is logged once.
 */
export const createReadiness = (options: ReadinessOptions): (() => Promise<Readiness>) => {
  const { checks, log, elapsedMs = () => performance.now(), cacheMs = CACHE_MS, withinMs = WITHIN_MS } = options;
  const going = new Map<ReadinessPart, Promise<string | null>>();
  const troubles = new Map<ReadinessPart, string>();
  let last: { at: number; answer: Promise<Readiness> } | null = null;

  /** A check that hangs is waited for by everybody who asks after it, and not begun again. */
  const begin = (part: ReadinessPart): Promise<string | null> => {
    const known = going.get(part);
    if (known !== undefined) return known;
    const begun = checks[part](AbortSignal.timeout(withinMs))
      .catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
      .finally(() => going.delete(part));
    going.set(part, begun);
    return begun;
  };

  const look = async (part: ReadinessPart): Promise<{ part: ReadinessPart; trouble: string | null }> => {
    const late = Promise.withResolvers<string>();
    const timer = setTimeout(() => late.resolve(`it did not answer within ${withinMs / 1000} s`), withinMs);
    const trouble = await Promise.race([begin(part), late.promise]);
    clearTimeout(timer);
    tell(part, trouble);
    return { part, trouble };
  };

  const tell = (part: ReadinessPart, trouble: string | null): void => {
    const before = troubles.get(part);
    if (trouble === null) {
      troubles.delete(part);
      if (before !== undefined) log("info", `ready again: ${part}`, { part });
      return;
    }
    troubles.set(part, trouble);
    if (before === undefined) log("warn", `not ready: ${part}: ${trouble}`, { part });
  };

  const lookAtAll = async (): Promise<Readiness> => {
    const found = await Promise.all(READINESS_PARTS.map(look));
    const ready = found.every(({ trouble }) => trouble === null);
    return { ready, parts: describe(new Map(found.map(({ part, trouble }) => [part, trouble]))) };
  };

  return () => {
    if (last === null || elapsedMs() - last.at >= cacheMs) last = { at: elapsedMs(), answer: lookAtAll() };
    return last.answer;
  };
};

const describe = (troubles: ReadonlyMap<ReadinessPart, string | null>): Readiness["parts"] => {
  const text = (part: ReadinessPart): string => (troubles.get(part) === null ? "ok" : SENTENCES[part]);
  return { store: text("store"), sandbox: text("sandbox"), gateway: text("gateway"), disk: text("disk") };
};
