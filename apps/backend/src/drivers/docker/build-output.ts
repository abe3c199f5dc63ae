import { z } from "zod";

const Line = z.object({ stream: z.string().optional(), status: z.string().optional(), error: z.string().optional() });

// Enough to see the error of a package manager; more only buries it.
const LAST_LINES = 15;
const LINE_MAX_CHARACTERS = 300;
const COMMAND_MAX_CHARACTERS = 90;

/** Follows the output of a build: what to tell a person now, and what went wrong in the end. */
export class BuildOutput {
  #step = "";
  #lines: string[] = [];
  #pulling = false;
  #error: string | null = null;

  /** What the engine gave as the reason why the build failed. */
  get error(): string | null {
    return this.#error;
  }

  /** Takes one line of the engine's answer; gives a sentence when there is news. */
  take(line: string): string | null {
    const { stream, status, error } = parseLine(line);
    if (error !== undefined) this.#error = error;
    if (status !== undefined) return this.#pull(status);
    if (stream === undefined) return null;
    const step = /^Step (\d+)\/(\d+) : ([\s\S]+)/.exec(stream);
    if (step === null) {
      this.#remember(stream);
      return null;
    }
    const [, number = "", total = "", command = ""] = step;
    this.#step = `step ${number}/${total}: ${shorten(oneLine(command), COMMAND_MAX_CHARACTERS)}`;
    this.#lines = [];
    return this.#step;
  }

  /** What to say about a build that ended with `error`. */
  describeFailure(error: string): string {
    const where = this.#step === "" ? "before its first step" : `at ${this.#step}`;
    const last = this.#lines.filter((line) => line !== error).slice(-LAST_LINES);
    const hint = hintFor([error, ...this.#lines].join("\n"));
    return [
      `Building the executor image failed ${where}: ${oneLine(error)}`,
      ...(hint === null ? [] : [hint]),
      ...(last.length === 0 ? [] : ["The last lines of the build:", ...last.map((line) => `  ${line}`)]),
    ].join("\n");
  }

  #pull(status: string): string | null {
    const first = !this.#pulling && /^(Pulling|Downloading)/.test(status);
    this.#pulling ||= first;
    return first ? "pulling the base image" : null;
  }

  #remember(text: string): void {
    const lines = withoutColors(text)
      .split(/[\r\n]+/)
      .filter((line) => line.trim() !== "")
      .map((line) => shorten(line, LINE_MAX_CHARACTERS));
    this.#lines = [...this.#lines, ...lines].slice(-LAST_LINES * 2);
  }
}

const parseLine = (line: string): z.infer<typeof Line> => {
  try {
    return Line.safeParse(JSON.parse(line)).data ?? {};
  } catch {
    return {};
  }
};

const hintFor = (text: string): string | null => {
  if (/certificate|self.signed|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/i.test(text)) {
    return "A certificate was not accepted. Behind a proxy that inspects TLS, set CCR_EXTRA_CA_CERTS to the file with its certificate authority.";
  }
  if (/no space left on device/i.test(text)) return "The disk of the Docker Engine is full. 'docker system prune' frees some.";
  if (
    /manifest|pull access denied|registry|request canceled while waiting|no such host|lookup .* (no such host|server misbehaving)/i.test(
      text,
    )
  ) {
    return "The base image could not be fetched. Check the engine's network, or set CCR_BASE_IMAGE to a Debian-based image that it has.";
  }
  return null;
};

const oneLine = (text: string): string => withoutColors(text).replace(/\s+/g, " ").trim();
const shorten = (text: string, max: number): string => (text.length <= max ? text : `${text.slice(0, max - 1)}…`);
const withoutColors = (text: string): string => text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g"), "");
