// A second process on the same database, for the tests that kill it or race with it. It says what it did on standard output, a line each.
import { InstanceId, RunId, ServerId } from "@ccr/protocol";
import { openPostgresStore } from "../postgres.ts";
import { openSqliteStore } from "../sqlite.ts";
import { events } from "./place.ts";

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const [address = "", act, ...args] = process.argv.slice(2);
const store = await (address.startsWith("postgres:") ? openPostgresStore({ url: address }) : openSqliteStore({ path: address }));
say("ready");

if (act === "append") {
  // Appends until it is killed, and says each place in the spool as soon as it has been told that it is durable.
  const runId = RunId.parse(args[0]);
  const fence = Number(args[1]);
  const instanceId = InstanceId.parse(args[2]);
  for (let from = 1; ; from += 3) {
    await store.transcript.appendSpooled(runId, fence, { instanceId, events: events(from, from + 2) });
    say(String(from + 2));
  }
} else if (act === "claim") {
  for await (const _ of process.stdin.take(1)) say("begun");
  const claimer = {
    owner: ServerId.parse(args[0]),
    perRepository: args[1] === undefined ? null : Number(args[1]),
    perTask: null,
  };
  for (let claim = await store.queue.claimNext(claimer); claim !== null; claim = await store.queue.claimNext(claimer)) {
    say(claim.run.id);
  }
  await store[Symbol.asyncDispose]();
}
