import { CcrError, type FollowUpInput, outcomeOf, type RunId } from "@ccr/protocol";
import { expect, test } from "vitest";
import { IN_MEMORY, openSqliteStore } from "../../store/sqlite.ts";
import { claimRun, endRun, note, own, queueRun } from "../../store/suite/place.ts";
import { systemClock } from "../clock.ts";
import { createTalk } from "./talk.ts";

const open = async () => {
  const store = await openSqliteStore({ path: IN_MEMORY });
  const viewOf = async (id: RunId) => {
    const run = await store.runs.find(id);
    if (run === null) throw new CcrError("not_found", `There is no run ${id}.`);
    return { ...run, queue: null, outcome: outcomeOf(run) };
  };
  const followed: FollowUpInput[] = [];
  const followUp = async (input: FollowUpInput) => {
    followed.push(input);
    return viewOf((await queueRun(store)).id);
  };
  const connect = (): never => {
    throw new Error("nobody looks at what it writes");
  };
  const talk = createTalk(
    { store, clock: systemClock, log: () => {}, drivers: [], connect },
    { runs: { get: viewOf }, results: { followUp } },
  );
  return { store, talk, followed, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
};

test("words that came too late begin the next run when they are said again under their key", async () => {
  await using at = await open();
  const { store, talk, followed } = at;
  const claim = await claimRun(store);
  const said = { id: claim.run.id, text: "Add a test.", now: false, idempotencyKey: "k" };
  expect(await talk.say(said)).toMatchObject({ kind: "queued" });
  // Its answer was lost, and then the run ended.
  await endRun(store, claim);
  expect(await talk.say(said)).toMatchObject({ kind: "launched" });
  expect(followed).toEqual([{ id: claim.run.id, instructions: "Add a test.", idempotencyKey: "k" }]);
});

test("words that were told before the run ended are not said again", async () => {
  await using at = await open();
  const { store, talk, followed } = at;
  const claim = await claimRun(store);
  const { id } = claim.run;
  const said = { id, text: "Add a test.", now: false, idempotencyKey: "k" };
  const first = await talk.say(said);
  if (first.kind !== "queued") throw new Error("the run goes on");
  const taken = { id: first.input.id, revision: 1, to: "taken" as const };
  await store.transcript.append(id, claim.fence, { ...own(1, note("told")), patch: { inputs: [taken] } });
  await endRun(store, claim);
  expect(await talk.say(said)).toMatchObject({ kind: "queued", input: { id: first.input.id, state: "taken" } });
  expect(followed).toEqual([]);
});

test("words that are said again to break off what goes on break it off once, and those that were taken back are refused", async () => {
  await using at = await open();
  const { store, talk } = at;
  const { id } = (await claimRun(store)).run;
  const said = { id, text: "Stop.", now: false, idempotencyKey: "k" };
  const first = await talk.say(said);
  await talk.say({ ...said, now: true });
  await talk.say({ ...said, now: true });
  expect((await talk.list(id)).map(({ body }) => body.kind)).toEqual(["prompt", "interrupt"]);
  if (first.kind !== "queued") throw new Error("the run goes on");
  await talk.withdraw({ id, inputId: first.input.id });
  await expect(talk.say(said)).rejects.toMatchObject({ code: "conflict", message: expect.stringContaining("taken back") });
});
