import type { RunReason } from "@ccr/protocol";
import type { GitOutcome } from "./command.ts";

/** The reasons of a run that a mirror can give. */
export type MirrorReason = Extract<RunReason, "repository_unreachable" | "repository_empty" | "ref_not_found" | "disk_full">;

/** Why there is no mirror to start from. `message` is for people, and holds no secret. */
export class MirrorError extends Error {
  override readonly name = "MirrorError";
  readonly reason: MirrorReason;

  constructor(reason: MirrorReason, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}

const LINE_MAX = 300;

// biome-ignore lint/suspicious/noControlCharactersInRegex: a hostile server chooses this text
const INVISIBLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Takes out of a text what must not be shown: the secrets, credentials in addresses, and what could drive a terminal. */
export const scrub = (text: string, secrets: readonly string[]): string => {
  let clean = text;
  for (const secret of secrets) if (secret !== "") clean = clean.replaceAll(secret, "***");
  return clean.replace(/\/\/[^/\s@]*@/g, "//***@").replace(INVISIBLE, "");
};

/** Git's last word: its last line that tells of an error, or simply its last line. */
export const lastWord = (errors: string): string => {
  const lines = errors
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const telling = lines.findLast((line) => /^(fatal|error|ERROR|ssh|remote: (fatal|error|ERROR)):? /.test(line));
  return (telling ?? lines.at(-1) ?? "").slice(0, LINE_MAX);
};

const DISK_FULL = /No space left on device|Disk quota exceeded/i;
const MISSING = /not found|does not exist|does not appear to be a git repository|returned error: 404|Could not read from remote/i;
const REFUSED =
  /could not read (Username|Password)|Authentication failed|Permission denied|returned error: (401|403)|Access denied/i;
const CHANGED_HOST_KEY = /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed/i;
/** What a mirror that was damaged (by a kill or a crash in the middle of a write) makes git say. */
const DAMAGED =
  /\.lock': File exists|bad object|loose object .* is corrupt|not a git repository|packfile .* (cannot be|is far too short)|object file .* is empty/i;

/** Whether the failure is the mirror's own and a fresh mirror would help. */
export const isDamaged = (outcome: GitOutcome): boolean =>
  outcome.kind === "exited" && outcome.code !== 0 && DAMAGED.test(outcome.errors.replace(/^remote: .*$/gm, ""));

/** Whether the server sent git to another address. */
export const isRedirected = (outcome: GitOutcome): boolean =>
  outcome.kind === "exited" && /returned error: 30[12378]/.test(outcome.errors);

/** What to say of a git command that failed against a repository. Pure. */
export const explainFailure = (
  outcome: GitOutcome,
  about: { display: string; transport: "http" | "https" | "ssh" | "local"; secrets: readonly string[] },
): MirrorError => {
  const { display, transport, secrets } = about;
  if (outcome.kind === "timed_out") {
    const minutes = Math.round(outcome.afterMs / 6_000) / 10;
    return new MirrorError("repository_unreachable", `The repository ${display} could not be fetched within ${minutes} minutes.`);
  }
  const errors = scrub(outcome.errors, secrets);
  const word = lastWord(errors);
  const said = word === "" ? `git ended with ${outcome.code ?? outcome.signal}.` : `Git says: ${word}`;
  if (DISK_FULL.test(errors)) {
    return new MirrorError("disk_full", `The server's disk is full: the repository ${display} could not be stored. ${said}`);
  }
  const say = (text: string) => new MirrorError("repository_unreachable", `${text} ${said}`);
  if (CHANGED_HOST_KEY.test(errors)) {
    return say(`The host of ${display} shows another key than before; if that is right, remove the old one from known_hosts.`);
  }
  if (REFUSED.test(errors)) {
    const how =
      transport === "ssh" ? "an ssh key that the server of this program may use" : "a token (GITHUB_TOKEN for github.com)";
    return say(`The repository ${display} does not exist, or reading it needs ${how}.`);
  }
  if (MISSING.test(errors)) return say(`There is no repository ${display} that can be read from here.`);
  return say(`The repository ${display} could not be fetched.`);
};
