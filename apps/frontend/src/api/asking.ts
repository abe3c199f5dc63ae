import type { AppRouter } from "@ccr/backend/router";
import { type OperationLink, TRPCClientError, type TRPCLink } from "@trpc/client";
import { observable, type Unsubscribable } from "@trpc/server/observable";
import { deadlineOf } from "./deadlines.ts";
import { isUnanswered, NoAnswerError } from "./errors.ts";
import type { Reachability } from "./reachability.ts";

/** A timer that is later than this tells that the page slept, and nothing of the server. */
const TOO_LATE_MS = 5000;

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

  const link: OperationLink<AppRouter> = ({ next, op }) =>
    observable((observer) => {
      if (op.type === "subscription") return next(op).subscribe(observer);
      const { type } = op;
      const ms = deadlineOf({ type, path: op.path });
      let asked: Unsubscribable | null = null;
      let timer: ReturnType<typeof setTimeout> | undefined;
      /** The answer to a try that was given up is not listened to. */
      let tries = 0;
      const close = (): void => {
        tries += 1;
        clearTimeout(timer);
        waiting.delete(ask);
        asked?.unsubscribe();
      };
      const fail = (error: TRPCClientError<AppRouter>): void => {
        if (op.signal?.aborted !== true) report("requests", !isUnanswered(error));
        close();
        observer.error(error);
      };
      const ask = (): void => {
        tries += 1;
        const mine = tries;
        const askedAt = Date.now();
        clearTimeout(timer);
        asked?.unsubscribe();
        timer = setTimeout(() => {
          if (type === "query" && Date.now() - askedAt > ms + TOO_LATE_MS) ask();
          // A server that answers all others meanwhile is there, and slow with this.
          else fail(TRPCClientError.from(new NoAnswerError({ type, ms, isAway: answeredAt < askedAt })));
        }, ms);
        asked = next(op).subscribe({
          next(value) {
            if (mine !== tries) return;
            answeredAt = Date.now();
            report("requests", true);
            observer.next(value);
          },
          error(error) {
            if (mine !== tries) return;
            if (!isUnanswered(error)) answeredAt = Date.now();
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
      for (const ask of waiting) ask();
    },
  };
};
