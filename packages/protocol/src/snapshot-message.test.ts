import { expect, it } from "vitest";
import { parseSnapshotCommit } from "./snapshot-message.ts";

it("reads what the message of a snapshot says, and nothing from a message of another kind", () => {
  const commit = "a".repeat(40);
  const object = (message: string) => `tree ${commit}\nparent ${commit}\nauthor x\n\n${message}`;
  expect(parseSnapshotCommit(object(`T\n\nHEAD ref: refs/heads/m\n${commit} refs/heads/m\n`))).toEqual({
    tree: commit,
    parents: [commit],
    message: { head: { ref: "refs/heads/m" }, refs: [{ name: "refs/heads/m", commit }] },
  });
  for (const bad of ["T\n", `T\n\nHEAD ref: refs/tags/m\n`, `T\n\nHEAD ${commit}\n${commit} refs/remotes/x\n`]) {
    expect(parseSnapshotCommit(object(bad)).message).toBeNull();
  }
});
