import { InputId, type Question } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { InputChangedError } from "../types.ts";
import { claimRun, createTask, endRun, errorOf, ids, newRun, type OpenPlace } from "./place.ts";

const prompt = (text: string) => ({ kind: "prompt" as const, text });
const note = (text: string) => ({ source: "runner" as const, body: { type: "note" as const, text } });
const question: Question = {
  questionId: "q1",
  kind: "permission",
  toolName: "Bash",
  toolUseId: "toolu_1",
  input: { command: "ls" },
  description: null,
  canBeAlways: true,
  at: "2026-01-01T00:00:00.000Z",
};

export const describeInputs = (open: OpenPlace): void => {
  describe("what people say to runs", () => {
    test("is kept in the order in which it was said, whether or not anybody drives the run", async () => {
      await using place = await open();
      const { store } = place;
      const { run } = await store.runs.create(newRun(await createTask(store)));
      const one = await store.inputs.add(run.id, prompt("one"), null);
      const two = await store.inputs.add(run.id, { kind: "interrupt" }, null);
      expect(one).toMatchObject({ runId: run.id, body: prompt("one"), state: "queued", revision: 1 });
      expect(await store.inputs.listQueued(run.id)).toEqual([one, two]);
      expect(await (await place.open()).inputs.list(run.id, 1)).toEqual([two]);
    });

    test("is said once with a key, and to no run that has ended or is not there", async () => {
      await using place = await open();
      const { store } = place;
      const claim = await claimRun(store);
      const { id } = claim.run;
      const once = await store.inputs.add(id, prompt("once"), "k");
      expect(await store.inputs.add(id, prompt("once"), "k")).toEqual(once);
      expect(await errorOf(store.inputs.add(id, prompt("other"), "k"))).toMatchObject({ code: "conflict" });
      const both = await Promise.all([store.inputs.add(id, prompt("x"), "both"), store.inputs.add(id, prompt("x"), "both")]);
      expect(new Set(both.map((input) => input?.id)).size).toBe(1);
      await endRun(store, claim);
      expect(await store.inputs.add(id, prompt("late"), null)).toBeNull();
      // Nobody was told it, and nobody will be.
      expect(await store.inputs.add(id, prompt("once"), "k")).toBeNull();
      expect((await store.inputs.list(id, 9)).map(({ id: each, state }) => ({ id: each, state }))).toContainEqual({
        id: once?.id,
        state: "late",
      });
      expect(await store.inputs.listQueued(id)).toEqual([]);
      expect(await errorOf(store.inputs.add(ids.run(), prompt("x"), null))).toMatchObject({ code: "not_found" });
    });

    test("is said together, or not at all", async () => {
      await using place = await open();
      const { store } = place;
      const { run } = await store.runs.create(newRun(await createTask(store)));
      const said = await store.inputs.add(run.id, prompt("stop"), "k", [{ kind: "interrupt" }]);
      expect(await store.inputs.add(run.id, prompt("stop"), "k", [{ kind: "interrupt" }])).toEqual(said);
      expect((await store.inputs.listQueued(run.id)).map(({ body }) => body)).toEqual([prompt("stop"), { kind: "interrupt" }]);
      expect(
        await store.runs.advance(run.id, { from: ["queued"], to: "canceled", patch: { reason: "canceled" } }),
      ).not.toBeNull();
      expect((await store.inputs.list(run.id, 9)).map(({ state }) => state)).toEqual(["late", "late"]);
    });

    test("is broken off for when it is said again so, and is not said again once it was taken back", async () => {
      await using place = await open();
      const { store } = place;
      const { id } = (await claimRun(store)).run;
      const said = await store.inputs.add(id, prompt("a"), "k");
      for (let times = 0; times < 2; times++)
        expect(await store.inputs.add(id, prompt("a"), "k", [{ kind: "interrupt" }])).toEqual(said);
      expect((await store.inputs.listQueued(id)).map(({ body }) => body)).toEqual([prompt("a"), { kind: "interrupt" }]);
      await store.inputs.withdraw(id, InputId.parse(said?.id));
      expect(await errorOf(store.inputs.add(id, prompt("a"), "k"))).toMatchObject({ code: "conflict" });
      expect(await store.inputs.add(id, prompt("a"), "other")).toMatchObject({ state: "queued" });
    });

    test("is changed on the revision that was seen, and taken back, as long as nobody took it", async () => {
      await using place = await open();
      const { store } = place;
      const claim = await claimRun(store);
      const { run, fence } = claim;
      const said = await store.inputs.add(run.id, prompt("a"), null);
      const other = await store.inputs.add(run.id, { kind: "interrupt" }, null);
      if (said === null || other === null) throw new Error("it was not said");
      const { id } = said;
      const edited = await store.inputs.edit(run.id, { id, revision: 1, text: "b" });
      expect(edited).toMatchObject({ body: prompt("b"), revision: 2 });
      expect(await store.inputs.edit(run.id, { id, revision: 1, text: "c" })).toBeNull();
      expect(await store.inputs.edit(run.id, { id: other.id, revision: 1, text: "c" })).toBeNull();
      expect(await store.inputs.edit(ids.run(), { id, revision: 2, text: "c" })).toBeNull();
      expect(await store.inputs.withdraw(run.id, other.id)).toBeNull();
      const third = await store.inputs.add(run.id, prompt("c"), null);
      expect(await store.inputs.withdraw(run.id, third?.id ?? other.id)).toMatchObject({ state: "withdrawn" });
      await store.transcript.append(run.id, fence, {
        first: 1,
        messages: [note("told")],
        patch: { inputs: [{ id, revision: 2, to: "taken" }] },
      });
      expect(await store.inputs.edit(run.id, { id, revision: 2, text: "c" })).toBeNull();
      expect(await store.inputs.withdraw(run.id, id)).toBeNull();
      expect((await store.inputs.list(run.id, 9)).map(({ state }) => state)).toEqual(["withdrawn", "queued", "taken"]);
      expect(await store.inputs.listQueued(run.id)).toEqual([other]);
    });

    test("is taken together with what is told of it, or not at all", async () => {
      await using place = await open();
      const { store } = place;
      const { run, fence } = await claimRun(store);
      const said = await store.inputs.add(run.id, prompt("a"), null);
      if (said === null) throw new Error("it was not said");
      const taken = { id: said.id, revision: 1, to: "taken" as const };
      await store.inputs.edit(run.id, { id: said.id, revision: 1, text: "b" });
      const own = { first: 1, messages: [note("told")], patch: { stepIndex: 7, inputs: [taken] } };
      await expect(store.transcript.append(run.id, fence, own)).rejects.toThrow(InputChangedError);
      expect(await store.runs.find(run.id)).toMatchObject({ stepIndex: null, lastSeq: 0 });
      const again = { ...own, patch: { ...own.patch, inputs: [{ ...taken, revision: 2 }] } };
      await store.transcript.append(run.id, fence, again);
      // Whoever did not hear of that asks again, with the same.
      await store.transcript.append(run.id, fence, again);
      await store.transcript.append(run.id, fence, { first: 2, messages: [], patch: again.patch });
      expect(await store.runs.find(run.id)).toMatchObject({ stepIndex: 7, lastSeq: 1 });
    });

    test("wakes those who listen, in this process and in others, until they listen no more", { timeout: 20_000 }, async () => {
      await using place = await open();
      const { store } = place;
      const other = await place.open();
      const { run } = await store.runs.create(newRun(await createTask(store)));
      const heard = [0, 0];
      const seen = (who: number, count: number) =>
        expect.poll(() => heard[who] ?? 0, { timeout: 10_000 }).toBeGreaterThanOrEqual(count);
      const stops = [store, other].map(({ inputs }, who) =>
        inputs.listen(run.id, () => {
          heard[who] = (heard[who] ?? 0) + 1;
        }),
      );
      await seen(0, 1);
      await seen(1, 1);
      const before = [...heard];
      await store.inputs.add(run.id, prompt("a"), null);
      await seen(0, (before[0] ?? 0) + 1);
      await seen(1, (before[1] ?? 0) + 1);
      for (const stop of stops) stop();
      const after = [...heard];
      await store.inputs.add(run.id, prompt("b"), null);
      expect(heard).toEqual(after);
    });

    test("goes with its run, which keeps how it works and what it asks", async () => {
      await using place = await open();
      const { store } = place;
      const claim = await claimRun(store, { permissionMode: "plan", asks: true });
      const { run, fence } = claim;
      expect(run).toMatchObject({ permissionMode: "plan", asks: true, questions: [] });
      await store.inputs.add(run.id, prompt("a"), null);
      const patched = await store.runs.patch(run.id, fence, {
        model: "m",
        permissionMode: "default",
        questions: [question],
      });
      expect(patched).toMatchObject({ model: "m", permissionMode: "default", questions: [question] });
      expect((await store.runs.patch(run.id, fence, { questions: [] })).questions).toEqual([]);
      await endRun(store, claim);
      expect(await store.upkeep.deleteRun(run.id)).toBe(true);
      expect(await store.inputs.list(run.id, 9)).toEqual([]);
    });
  });
};
