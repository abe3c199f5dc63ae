/** What stands in place of each byte of a secret. */
const MASK = "*";
/** A shorter text is no secret: masking what an operator set for a test (`demo`) would change answers that merely say it. */
const MIN_SECRET_LENGTH = 16;

/** Takes a secret out of a stream of bytes. */
export type Mask = {
  /** The bytes that can be passed on now. Only a tail that may be the beginning of the secret is held back. */
  push(chunk: Buffer): Buffer;
  /** What was held back at the end of the stream. */
  end(): Buffer;
};

/** Length of the longest end of `bytes` that is a beginning of `secret`, the whole of it excepted. */
const beginningAtEnd = (bytes: Buffer, secret: Buffer): number => {
  for (let length = Math.min(secret.length - 1, bytes.length); length > 0; length -= 1) {
    if (bytes.compare(secret, 0, length, bytes.length - length) === 0) return length;
  }
  return 0;
};

/** Replaces each occurrence of a secret, also across chunks, by as many `*`, so that lengths stay true; all else passes unchanged. */
export const createMask = (secret: string): Mask => {
  if (secret.length < MIN_SECRET_LENGTH) return { push: (chunk) => chunk, end: () => Buffer.alloc(0) };
  const needle = Buffer.from(secret);
  let held: Buffer = Buffer.alloc(0);
  return {
    push: (chunk) => {
      let bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      let isOwnCopy = held.length > 0;
      for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + needle.length)) {
        if (!isOwnCopy) bytes = Buffer.from(bytes);
        isOwnCopy = true;
        bytes.fill(MASK, at, at + needle.length);
      }
      const keep = beginningAtEnd(bytes, needle);
      held = bytes.subarray(bytes.length - keep);
      return keep === 0 ? bytes : bytes.subarray(0, bytes.length - keep);
    },
    end: () => held,
  };
};

/** The same for a text. */
export const maskText = (text: string, secret: string): string =>
  secret.length < MIN_SECRET_LENGTH ? text : text.replaceAll(secret, MASK.repeat(secret.length));
