import { CcrError } from "@ccr/protocol";

/** The text of a value as it is stored; lone surrogates and NUL are escaped, so that every engine takes it. Throws `CcrError` with `unprocessable`. */
export const toJson = (value: unknown, what: string): string => {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw new CcrError(
      "unprocessable",
      `${what} cannot be stored: it is nested too deeply, or too long, to be written as JSON.`,
      {
        cause: error,
      },
    );
  }
};

/**
 * Reads a text that `toJson` wrote from a `T`. No schema looks at it again: it would drop the fields and kinds that another version of
 * this program wrote, and the store keeps what came.
 */
export const fromJson = <T>(text: string): T => JSON.parse(text);
