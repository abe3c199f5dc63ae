import { expect, test } from "vitest";
import { howToSet } from "./credential-words.ts";

test.each([
  ["model", "api.anthropic.com", "ANTHROPIC_API_KEY"],
  ["github", "github.com", "GITHUB_TOKEN"],
  ["gitlab", "gitlab.com", "GITLAB_TOKEN"],
  ["gitlab", "git.example.org", "CCR_GIT_HOSTS"],
] as const)(
  "says of a missing credential for %s at %s which variable it comes by, and that a restart is needed",
  (kind, host, variable) => {
    expect(howToSet({ kind, host })).toContain(variable);
    expect(howToSet({ kind, host })).toContain("start the server again");
  },
);
