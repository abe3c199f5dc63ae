/** A value that cannot be used: `message` is the one line that a person reads before the process ends. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
