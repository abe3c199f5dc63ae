import { ForgeError } from "./failure.ts";

/** A sentence about a wish that the host did not fulfil; throws on what is no refusal of that wish, such as a bug or an abort. */
export const noteOf = (error: unknown, what: string): string => {
  if (!(error instanceof ForgeError)) throw error;
  return error.said === "" ? `${what}. ${error.message}` : `${what}: ${error.said.replace(/\.$/, "")}.`;
};
