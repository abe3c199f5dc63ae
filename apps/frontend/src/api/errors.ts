import { ErrorBody } from "@ccr/protocol";
import { TRPCClientError } from "@trpc/client";

/** An answer that did not come within its deadline. `isAway`: nor did any other meanwhile. */
export class NoAnswerError extends Error {
  override readonly name = "NoAnswerError";
  readonly isAway: boolean;
  constructor({ type, ms, isAway }: { type: "query" | "mutation"; ms: number; isAway: boolean }) {
    super(
      type === "mutation"
        ? "The server did not answer in time, so it is not known whether this was done. See whether it was before you try again."
        : isAway
          ? UNREACHABLE
          : `The server did not answer this within ${ms / 1000} seconds. Try again.`,
    );
    this.isAway = isAway;
  }
}

const UNREACHABLE = "The server cannot be reached. See whether it still runs; this page goes on by itself when it does.";

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** The HTTP status behind an error of the API; null when no answer came at all. */
export const statusOf = (error: unknown): number | null => {
  if (!(error instanceof TRPCClientError)) return null;
  const data: unknown = error.data;
  if (isRecord(data) && typeof data.httpStatus === "number") return data.httpStatus;
  const response = error.meta?.response;
  // Answers of the HTTP layer in front of tRPC (login, host check) have a status and no tRPC body.
  return response instanceof Response && !response.ok ? response.status : null;
};

/**
 * Whether a part of the page's own code could not be fetched: the server is away, or has another version now, which has other files. Each
 * browser says it in words of its own.
 */
export const isLostPart = (error: unknown): boolean =>
  error instanceof Error &&
  /dynamically imported module|Importing a module script failed|Unable to preload CSS|error loading dynamically/i.test(
    error.message,
  );

const GATEWAY_STATUSES: readonly (number | null)[] = [502, 503, 504];

/** Whether nobody answered, or only a proxy for a server that did not. */
export const isUnanswered = (error: unknown): boolean => {
  if (!(error instanceof TRPCClientError)) return false;
  if (error.cause instanceof NoAnswerError) return error.cause.isAway;
  const status = statusOf(error);
  return status === null || (!isRecord(error.data) && GATEWAY_STATUSES.includes(status));
};

const sentenceOfBody = (error: TRPCClientError<never>): string | null => {
  const body = ErrorBody.safeParse(error.meta?.responseJSON);
  return body.success ? body.data.error.message : null;
};

/** What went wrong in a sentence for people, which says what to do when the server did not say it itself. */
export const describeError = (error: unknown): string => {
  const status = statusOf(error);
  if (status === 401) return "You are not logged in any more. Open the login link that the server printed.";
  if (error instanceof TRPCClientError) {
    if (error.cause instanceof NoAnswerError) return error.message;
    if (status === null) return UNREACHABLE;
    return sentenceOfBody(error) ?? error.message;
  }
  if (isLostPart(error))
    return "This part of the page could not be fetched: the server was updated meanwhile, or cannot be reached. Reload the page; what you have typed in forms is kept in this tab.";
  return error instanceof Error ? error.message : "Something went wrong in this page. Reload it.";
};
