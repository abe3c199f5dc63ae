import type { GitOutcome } from "./command.ts";
import { lastWord, scrub } from "./failure.ts";

/** Why something was not pushed; `again`: to try it once more, as it is, may help. `message` is for people, and holds no secret. */
export type PushFailure = { again: boolean; message: string };

const REJECTED = /^!\t[^\t]*\t\[(?:remote )?rejected\] ?(.*)$/m;
const STALE = /\[rejected\] \((?:stale info|fetch first|non-fast-forward)\)/;
const REFUSED =
  /could not read (?:Username|Password)|Authentication failed|Permission (?:to \S+ )?denied|returned error: (?:401|403)|Access denied|not allowed to push|protected branch|read-only|receive-pack.*not (?:enabled|found)|service not enabled/i;
const MISSING = /returned error: 404|[Rr]epository.*not found|does not appear to be a git repository|does not exist/;
const REDIRECTED = /returned error: 30[12378]/;

/** What the server said of the refusal, in its own words: lines that begin with `remote:`. */
const remoteWords = (errors: string): string =>
  [...errors.matchAll(/^remote: (.*)$/gm)]
    .map(([, line = ""]) => line.trim())
    .filter((line) => line !== "" && !/^(Resolving|Counting|Compressing|Total|Enumerating)/.test(line))
    .slice(0, 5)
    .join(" ")
    .slice(0, 500);

/** What to say of a push, or of the question before it, that failed. Pure. */
export const explainPush = (
  outcome: GitOutcome,
  about: { display: string; transport: "http" | "https" | "ssh" | "local"; branch: string; secrets: readonly string[] },
): PushFailure => {
  const { display, transport, branch, secrets } = about;
  if (outcome.kind === "timed_out") {
    return { again: true, message: `${display} did not take the push within ${Math.round(outcome.afterMs / 1000)} s.` };
  }
  const errors = scrub(outcome.errors, secrets);
  const output = scrub(outcome.output, secrets);
  if (STALE.test(output))
    return { again: true, message: `Somebody moved the branch '${branch}' of ${display} at the same time.` };
  const words = remoteWords(errors);
  const rejected = REJECTED.exec(output);
  if (rejected !== null) {
    const why = [rejected[1]?.trim() ?? "", words].filter((part) => part !== "").join(" ");
    return { again: false, message: `${display} refused the branch '${branch}'${why === "" ? "" : `: ${why}`}` };
  }
  const word = words === "" ? lastWord(errors) : words;
  const said = word === "" ? `git ended with ${outcome.code ?? outcome.signal}.` : `It says: ${word}`;
  if (REFUSED.test(errors)) {
    const how = transport === "ssh" ? "an ssh key that may write there" : "a token that may write there";
    return { again: false, message: `Pushing to ${display} is not allowed: this server needs ${how}. ${said}` };
  }
  if (MISSING.test(errors) || REDIRECTED.test(errors))
    return { again: false, message: `There is no repository ${display} that can be pushed to from here. ${said}` };
  return { again: true, message: `${display} could not be reached, or broke off. ${said}` };
};
