/** What shells and Docker give for a command that could not be started. */
export const NEVER_RAN_EXIT_CODE = 125;

const LOG_MAX_BYTES = 256 * 1024;

/** The end of a log, at most 256 KiB, from the beginning of a line when it was cut. */
export const lastBytes = (text: string): string => {
  const bytes = Buffer.from(text);
  if (bytes.length <= LOG_MAX_BYTES) return text;
  const end = bytes.subarray(bytes.length - LOG_MAX_BYTES);
  const lineStart = end.indexOf(0x0a) + 1;
  return end.subarray(lineStart).toString("utf8");
};
