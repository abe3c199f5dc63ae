import { expect, test } from "vitest";
import { explainFailure, isDamaged, lastWord, scrub } from "./failure.ts";

const failed = (errors: string) => ({ kind: "exited" as const, code: 128, signal: null, output: "", errors });
const about = { display: "octo/hello", transport: "https" as const, secrets: ["ghp_secret"] };

test.each([
  ["fatal: write error: No space left on device", "disk_full", "The server's disk is full"],
  [
    "remote: Repository not found.\nfatal: repository 'https://github.com/octo/hello/' not found",
    "repository_unreachable",
    "There is no repository",
  ],
  [
    "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
    "repository_unreachable",
    "needs a token",
  ],
  [
    "fatal: Could not resolve host: x",
    "repository_unreachable",
    "could not be fetched. Git says: fatal: Could not resolve host: x",
  ],
  ["", "repository_unreachable", "git ended with 128"],
])("explains %j", (errors, reason, words) => {
  const error = explainFailure(failed(errors), about);
  expect([error.reason, error.message]).toEqual([reason, expect.stringContaining(words)]);
});

test("explains what ssh says", () => {
  const ssh = { ...about, transport: "ssh" as const };
  const denied = "git@github.com: Permission denied (publickey).\r\nfatal: Could not read from remote repository.";
  expect(explainFailure(failed(denied), ssh).message).toContain("needs an ssh key");
  const changed = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\nfatal: Could not read";
  expect(explainFailure(failed(changed), ssh).message).toContain("known_hosts");
});

test("never repeats a secret, a credential of an address or a control character", () => {
  const errors = "fatal: unable to access 'https://x-access-token:ghp_secret@github.com/': ghp_secret \u001b[31mred\u202e";
  const { message } = explainFailure(failed(errors), about);
  for (const part of ["ghp_secret", "x-access-token", "\u001b", "\u202e"]) expect(message).not.toContain(part);
  expect(scrub("see https://user:pw@host/ now", [])).toBe("see https://***@host/ now");
});

test("finds git's last word among a server's chatter, and keeps it short", () => {
  expect(lastWord("remote: hello\nfatal: it broke\nremote: bye\n\n")).toBe("fatal: it broke");
  expect(lastWord("Receiving: 10%\rReceiving: 20%\r")).toBe("Receiving: 20%");
  expect(lastWord(`fatal: ${"x".repeat(5_000)}`)).toHaveLength(300);
});

test("a server cannot talk us into fetching everything anew", () => {
  expect(isDamaged(failed("error: cannot lock ref: Unable to create '/m/refs/heads/main.lock': File exists."))).toBe(true);
  expect(isDamaged(failed("remote: fatal: bad object HEAD\nfatal: early EOF"))).toBe(false);
});
