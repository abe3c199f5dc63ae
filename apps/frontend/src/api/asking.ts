import type { AppRouter } from "@ccr/backend/router";
import { type OperationLink, TRPCClientError, type TRPCLink } from "@trpc/client";
import { observable, type Unsubscribable } from "@trpc/server/observable";
import { deadlineOf } from "./deadlines.ts";
import { isUnanswered, NoAnswerError } from "./errors.ts";
import type { Reachability } from "./reachability.ts";

/** A timer that is later than this tells that the page slept, and nothing of the server. */
const TOO_LATE_MS = 5000;
/** For so long after a sleep or an absence a browser may still use connections that are dead. */
const SHAKY_MS = 60_000;
/** What has no answer by then is asked once more meanwhile, over another one. */
const SHAKY_PATIENCE_MS = 10_000;

/** What is asked of the server, and still waits for its answer. */
export interface Asking {
  /** Gives up what has no answer within its deadline, and reports of each request whether the server answers. */
  readonly link: TRPCLink<AppRouter>;
  /** Asks every query that waits once more: what it was asked over may be gone. A mutation is never asked twice. */
  askAnew(): void;
}

export const createAsking = ({ report }: Pick<Reachability, "report">): Asking => {
  const waiting = new Set<() => void>();
  let answeredAt = 0;
  let shakyUntil = 0;

  const link: OperationLink<AppRouter> = ({ next, op }) =>
    observable((observer) => {
      if (op.type === "subscription") return next(op).subscribe(observer);
      const { type } = op;
      const ms = deadlineOf({ type, path: op.path });
      let asked: Unsubscribable | null = null;
      let timer: ReturnType<typeof setTimeout> | undefined;
      /** The answer to a try that was given up is not listened to. */
      let tries = 0;
      let isRepeated = false;
      const close = (): void => {
        tries += 1;
        clearTimeout(timer);
        waiting.delete(ask);
        asked?.unsubscribe();
      };
      const fail = (error: TRPCClientError<AppRouter>): void => {
        close();
        observer.error(error);
      };
      const ask = (): void => {
        tries += 1;
        const mine = tries;
        const askedAt = Date.now();
        clearTimeout(timer);
        asked?.unsubscribe();
        const isShaky = type === "query" && !isRepeated && ms > SHAKY_PATIENCE_MS && askedAt < shakyUntil;
        const waitMs = isShaky ? SHAKY_PATIENCE_MS : ms;
        timer = setTimeout(() => {
          if (isShaky || (type === "query" && Date.now() - askedAt > waitMs + TOO_LATE_MS)) {
            isRepeated = true;
            ask();
            return;
          }
          // A server that has answered others since is slow with this; whether it is there now, others tell.
          const isAway = answeredAt < askedAt;
          if (isAway) report("requests", false);
          fail(TRPCClientError.from(new NoAnswerError({ type, ms, isAway })));
        }, waitMs);
        asked = next(op).subscribe({
          next(value) {
            if (mine !== tries) return;
            answeredAt = Date.now();
            report("requests", true);
            observer.next(value);
          },
          error(error) {
            if (mine !== tries) return;
            const isAnswered = !isUnanswered(error);
            if (isAnswered) answeredAt = Date.now();
            if (op.signal?.aborted !== true) report("requests", isAnswered);
            fail(error);
          },
          complete() {
            if (mine !== tries) return;
            close();
            observer.complete();
          },
        });
      };
      if (type === "query") waiting.add(ask);
      ask();
      return close;
    });

  return {
    link: () => link,
    askAnew: () => {
      shakyUntil = Date.now() + SHAKY_MS;
      for (const ask of waiting) ask();
    },
  };
};
