import { z } from "zod";

/** Every error code that crosses a wire, with its HTTP status. */
export const ERROR_STATUS = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  payload_too_large: 413,
  unprocessable: 422,
  too_many_requests: 429,
  internal: 500,
  unavailable: 503,
  timeout: 504,
  disk_full: 507,
} as const satisfies Record<string, number>;
export type ErrorCode = keyof typeof ERROR_STATUS;
export const ErrorCode = z.custom<ErrorCode>(
  (code) => typeof code === "string" && Object.hasOwn(ERROR_STATUS, code),
  "is not an error code",
);

/** The body of every error answer: a code for programs and a sentence for people. */
export const ErrorBody = z.object({ error: z.object({ code: ErrorCode, message: z.string() }) });
export type ErrorBody = z.infer<typeof ErrorBody>;

/** The one error class. `message` says what happened and what to do next, and holds no secret. */
export class CcrError extends Error {
  override readonly name = "CcrError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export const errorBody = (error: CcrError): ErrorBody => ({ error: { code: error.code, message: error.message } });

/** The issues of a failed validation as one sentence, e.g. `steps[0].instructions: the instructions are empty`. */
export const describeZodError = (error: z.ZodError): string =>
  error.issues
    .slice(0, 5)
    .map((issue) => {
      const path = issue.path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
      return path === "" ? issue.message : `${path.replace(/^\./, "")}: ${issue.message}`;
    })
    .join("; ");
