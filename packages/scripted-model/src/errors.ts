import type { ErrorAnswer } from "./scenario.ts";

// Anthropic's documented errors: https://docs.claude.com/en/api/errors
const KNOWN: Readonly<Record<number, { type: string; message: string }>> = {
  400: { type: "invalid_request_error", message: "The request is not valid." },
  401: { type: "authentication_error", message: "invalid x-api-key" },
  403: { type: "permission_error", message: "Your API key does not have permission to use the specified resource." },
  404: { type: "not_found_error", message: "Not found" },
  405: { type: "invalid_request_error", message: "Method Not Allowed" },
  413: { type: "request_too_large", message: "Request exceeds the maximum size" },
  429: { type: "rate_limit_error", message: "This request would exceed your account's rate limit. Please try again later." },
  500: { type: "api_error", message: "Internal server error" },
  504: { type: "timeout_error", message: "Request timed out" },
  529: { type: "overloaded_error", message: "Overloaded" },
};

export interface HttpError {
  status: number;
  headers: Record<string, string>;
  body: { type: "error"; error: { type: string; message: string }; request_id: string };
}

const rateLimitHeaders = (retryAfterSeconds: number, now: Date): Record<string, string> => {
  const reset = new Date(now.getTime() + retryAfterSeconds * 1000).toISOString();
  const headers: Record<string, string> = { "retry-after": String(retryAfterSeconds) };
  for (const [kind, limit] of Object.entries({ requests: 50, tokens: 50_000, "input-tokens": 40_000, "output-tokens": 10_000 })) {
    headers[`anthropic-ratelimit-${kind}-limit`] = String(limit);
    headers[`anthropic-ratelimit-${kind}-remaining`] = "0";
    headers[`anthropic-ratelimit-${kind}-reset`] = reset;
  }
  return headers;
};

/** An error answer as Anthropic's API words it; a 429 always carries `retry-after` (one second when not given) and the rate-limit headers. */
export const httpError = (answer: ErrorAnswer, requestId: string, now: Date): HttpError => {
  const known = KNOWN[answer.status] ?? KNOWN[answer.status < 500 ? 400 : 500];
  const limited = answer.status === 429 ? rateLimitHeaders(answer.retryAfterSeconds ?? 1, now) : {};
  const retry = answer.retryAfterSeconds === undefined ? {} : { "retry-after": String(answer.retryAfterSeconds) };
  return {
    status: answer.status,
    headers: { ...limited, ...retry, ...answer.headers },
    body: {
      type: "error",
      error: { type: answer.type ?? known?.type ?? "api_error", message: answer.message ?? known?.message ?? "" },
      request_id: requestId,
    },
  };
};
