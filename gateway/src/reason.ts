import { CcrError } from "@ccr/protocol";
import { z } from "zod";

const WithCode = z.object({ code: z.string().regex(/^[A-Z0-9_]{1,40}$/) });

/** The code of a system or client error (`ECONNREFUSED`); never its message, which may quote what a request held. */
export const reasonOf = (error: unknown): string => {
  const parsed = WithCode.safeParse(error);
  if (parsed.success) return parsed.data.code;
  // When every address of a host failed, the errors are wrapped in one that has no code of its own.
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.name : "unknown";
};

/** What a person is told of an error: the sentence of one that we made, the code of any other. */
export const sentenceOf = (error: unknown): string => (error instanceof CcrError ? error.message : reasonOf(error));
