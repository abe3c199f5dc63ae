import {
  branchFor,
  checkoutsOf,
  DEFAULT_BRANCH_PATTERN,
  deliveriesOf,
  isDelivered,
  isFinal,
  type Message,
  RUN_REASONS,
  type Run,
  type RunCheckout,
  type RunReason,
} from "@ccr/protocol";
import { type Disk, unitsIn } from "./disk.ts";
import type { RunEntry } from "./ledger.ts";
import { expectedReason, expectedUnits, isSaid, type Script, saidText } from "./script.ts";
import type { Server } from "./server.ts";
import { mayBeLate, mustBeLate } from "./timesheet.ts";
import type { World } from "./world.ts";

const SPOOLED: ReadonlySet<string> = new Set(["execution_started", "execution_ended"]);

/** What a run may end with beside what its script says: only for that which it met. */
const excuses = (entry: RunEntry, run: Run): RunReason[] => {
  const { deaths, agentDeaths, cuts, engine, frozen } = entry.hit;
  const lost = deaths + cuts + frozen + engine;
  return [
    ...(lost >= 2 ? (["result_lost"] as const) : []),
    ...(lost >= 3 || entry.launches > 5 || engine > 0 ? (["sandbox_failed"] as const) : []),
    ...(engine > 0 || run.startedAt === null ? (["driver_unavailable"] as const) : []),
    ...(lost >= 5 || (lost >= 3 && run.startedAt === null) ? (["sandbox_lost"] as const) : []),
    ...(deaths + agentDeaths + frozen >= 8 ? (["agent_error"] as const) : []),
  ];
};

const keysOf = (messages: readonly Message[]): Map<string, number> => {
  const counts = new Map<string, number>();
  const count = (key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const { source, body } of messages) {
    if (source !== "runner") continue;
    if (body.type === "step_started" || body.type === "step_finished") count(`${body.type} ${body.stepIndex} ${body.attempt}`);
    else if (body.type === "check_started") count(`${body.type} ${body.stepIndex} ${body.attempt} ${body.command}`);
    else if (body.type === "check_finished") count(`${body.type} ${body.stepIndex} ${body.attempt} ${body.result.command}`);
  }
  return counts;
};

/** What came from this sandbox's spool. */
const spooled = (messages: readonly Message[], { instanceId, executions }: Disk): string[] =>
  messages
    .filter(({ source, body }) => {
      if (source === "agent") return body.of === instanceId;
      return SPOOLED.has(body.type) && "executionId" in body && executions.has(body.executionId);
    })
    .map(({ body }) => JSON.stringify(body));

/** Says what is wrong with a run that has ended: its status, its messages, and what is kept of its work. */
export const judgeRun = async (world: World, run: Run): Promise<void> => {
  const { store } = world;
  const wrong = (what: string): void => world.violate(`${run.id}: ${what}`);
  const entry = world.ledger.runs.get(run.id);
  const script = world.scripts.find(({ name }) => run.steps[0]?.instructions.includes(`Do ${name}-`) === true);
  if (entry === undefined || script === undefined) return wrong("nobody created it");
  if (!isFinal(run.status)) return wrong(`it is ${run.status} for ever`);
  const messages = await store.transcript.read(run.id, { after: 0, limit: 100_000 });
  for (const [index, { seq }] of messages.entries()) if (seq !== index + 1) wrong(`message ${index + 1} has the number ${seq}`);
  judgeAllowed(entry, wrong, { run, messages });
  if (messages.length !== run.lastSeq) wrong(`it has ${messages.length} messages and says ${run.lastSeq}`);
  const told = messages.filter(({ body }) => body.type === "status" && "reason" in body && body.reason !== undefined);
  const last = messages.at(-1);
  const wasClaimed = entry.fence > 0;
  if (wasClaimed && (told.length !== 1 || told[0] !== last)) wrong(`its end is told ${told.length} times`);
  const end = told[0]?.body;
  if (end?.type === "status" && (!("status" in end) || end.status !== run.status)) wrong("another end is told than it has");
  // Checks begin again in a new sandbox when theirs dies.
  const again = messages.filter(({ body }) => body.type === "resumed" && "after" in body && body.after === "sandbox").length;
  for (const [key, count] of keysOf(messages))
    if (count > (key.startsWith("check_") ? 1 + again : 1)) wrong(`${key} is told ${count} times`);
  const disk = [...world.disks.values()].find(({ instanceId }) => instanceId === run.instanceId);
  const isElsewhere = disk !== undefined && !disk.root.startsWith(`/${entry.holder?.machine}/`);
  await judgeTalk(world, wrong, { run, messages });
  const isChanged = disk?.units.some(isSaid) === true;
  judgeReason(wrong, { entry, run, script, isElsewhere, isChanged });
  judgeDelivery(world, wrong, { run, entry });
  if (disk !== undefined) {
    // What is on a machine that nobody comes from, or that a canceled run is not waited for, stays there.
    const isLeft = isElsewhere && (entry.isForsaken || entry.wasCanceled);
    judgeSpool(wrong, { run, messages, disk, isLeft });
    // A judge that died, or was not asked any more, may have said more than anybody heard.
    for (const other of world.disks.values())
      if (other !== disk && world.ledger.instances.get(other.instanceId)?.runId === run.id)
        judgeSpool(wrong, { run, messages, disk: other, isLeft: true });
    if (run.status === "succeeded") await judgeWork(world, wrong, { run, script, disk });
  } else if (run.status === "succeeded") wrong("it succeeded without a sandbox");
  const turns = messages.flatMap(({ source, body }) =>
    source === "agent" && body.type === "result" && typeof body.num_turns === "number" ? [body.num_turns] : [],
  );
  const sum = turns.reduce((all, each) => all + each, 0);
  if (sum !== run.usage.turns) wrong(`it used ${sum} turns and says ${run.usage.turns}`);
  const file = [...world.audits.values()].find(({ records }) => records[0]?.runId === run.id);
  const requests = await store.audit.read(run.id, { after: 0, limit: 1000 });
  for (const [index, { n }] of requests.entries()) if (n !== index + 1) wrong(`request ${index + 1} has the number ${n}`);
  if (requests.length > (file?.records.length ?? 0)) wrong("more requests are stored than there were");
};

/** What people let a run reach is kept with it and told, once each, though asked for by whichever server and again when nobody answered. */
const judgeAllowed = (
  { allowedHosts }: { allowedHosts: ReadonlySet<string> },
  wrong: (what: string) => void,
  { run, messages }: { run: Run; messages: readonly Message[] },
): void => {
  const told = messages.flatMap(({ source, body }) => (source === "runner" && body.type === "egress_allowed" ? [body.host] : []));
  const kept = run.allowedHosts.map(({ host }) => host);
  const allowed = [...allowedHosts].sort();
  if (JSON.stringify(kept.toSorted()) !== JSON.stringify(allowed)) wrong(`it may reach ${kept}, and was allowed ${allowed}`);
  if (JSON.stringify(told.toSorted()) !== JSON.stringify(allowed)) wrong(`it was told to be allowed ${told}, and was ${allowed}`);
};

/** What people said was told to the agent once, in order and as it was told last, or not at all; and what it was told is done. */
const judgeTalk = async (
  { store, disks }: World,
  wrong: (what: string) => void,
  { run, messages }: { run: Run; messages: readonly Message[] },
): Promise<void> => {
  const inputs = (await store.inputs.list(run.id, 1000)).reverse();
  const taken = inputs.filter(({ state }) => state === "taken");
  const bodies = messages.flatMap(({ source, body }) => (source === "runner" ? [body] : []));
  const said = bodies.flatMap((body) => (body.type === "said" ? [body.text] : []));
  const prompts = taken.flatMap(({ body }) => (body.kind === "prompt" ? [body.text] : []));
  if (JSON.stringify(said) !== JSON.stringify(prompts))
    wrong(`it was told ${JSON.stringify(said)} of ${JSON.stringify(prompts)}`);
  const brokenOff = bodies.filter(({ type }) => type === "interrupted").length;
  const interrupts = taken.filter(({ body }) => body.kind === "interrupt").length;
  if (brokenOff > interrupts) wrong(`it was interrupted ${brokenOff} times, and ${interrupts} times somebody wished so`);
  if (run.questions.length > 0 && run.status === "succeeded") wrong("it succeeded, and waits for an answer");
  if (run.status !== "succeeded") return;
  const units = [...disks.values()].find(({ instanceId }) => instanceId === run.instanceId)?.units ?? [];
  for (const text of said) {
    const done = units.filter((unit) => saidText(unit) === text).length;
    if (done !== 1) wrong(`'${text}' was told, and is ${done} times in its work`);
  }
};

/** What passed is where it was to go, once, and nothing else is; what could not get there says so. */
const judgeDelivery = (world: World, wrong: (what: string) => void, { run, entry }: { run: Run; entry: RunEntry }): void => {
  const { reason } = run;
  const checkouts = checkoutsOf(run);
  for (const checkout of checkouts) judgeCheckout(world, wrong, { run, checkout, entry });
  if (reason === "push_failed" && !deliveriesOf(run).some(({ state }) => state === "failed"))
    wrong("its push failed, and nothing of it did");
  if (reason === "passed" && run.delivery !== null && !isDelivered(run)) wrong("it passed, and is not delivered");
};

const judgeCheckout = (
  { remote, kept }: World,
  wrong: (what: string) => void,
  { run, checkout, entry }: { run: Run; checkout: RunCheckout; entry: RunEntry },
): void => {
  const { delivery, reason } = run;
  const { repository, directory, delivered } = checkout;
  const branch = delivered?.branch ?? branchFor(DEFAULT_BRANCH_PATTERN, run);
  const head = `${repository} ${branch}`;
  const tip = remote.branches.get(head);
  const isWanted = delivery !== null && (reason === "passed" || reason === "push_failed" || entry.wasCanceled);
  if (!isWanted) {
    if (tip !== undefined || delivered !== null) wrong(`it ended with ${reason}, and ${tip} is on ${head}`);
    return;
  }
  const works = [...kept].filter(([key]) => key.endsWith(`${run.id} ${directory}`)).map(([, work]) => work);
  if (tip !== undefined && !works.some(({ snapshot }) => snapshot.snapshotCommit === tip))
    wrong(`${tip} is on ${head}, which is not what is kept`);
  if (reason !== "passed") return;
  if (works.every(({ units }) => units.length === 0)) {
    if (tip !== undefined || delivered !== null) wrong(`nothing was changed in ${repository}, and ${tip} is on ${head}`);
    return;
  }
  if (delivered?.state !== "delivered" || tip === undefined || delivered.commit !== tip)
    wrong(`it passed, and ${tip} is on ${head}, where ${delivered?.commit} is ${delivered?.state}`);
  if (delivery.to === "pull_request" && remote.requests.get(head) !== delivered?.pullRequest?.number)
    wrong("it passed, and its pull request is another one");
};

const judgeReason = (
  wrong: (what: string) => void,
  options: { entry: RunEntry; run: Run; script: Script; isElsewhere: boolean; isChanged: boolean },
): void => {
  const { entry, run, script, isElsewhere, isChanged } = options;
  const { reason } = run;
  if (entry.wasCanceled) {
    if (run.status !== "canceled") wrong(`it was canceled, and is ${run.status}`);
    return;
  }
  if (run.status === "canceled") {
    wrong("it is canceled, and nobody wished so");
    return;
  }
  if (reason === "server_lost" || run.sentence?.includes(RUN_REASONS.server_lost.sentence) === true) {
    if (!isElsewhere) wrong("its server is lost, and its sandbox is on the machine of the one who says so");
    if (!entry.isForsaken) wrong("its server is lost, and it was there, or came back in time");
    return;
  }
  const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
  const { limitMs, leastMs, mostMs } = entry.time;
  if (reason === "limit_time") {
    if (!mayBeLate(entry))
      wrong(`it was worked on for ${seconds(mostMs)} at most, and its limit of ${seconds(limitMs)} is said to be used up`);
    return;
  }
  const scripted = expectedReason(script);
  const expected = scripted === "passed_no_changes" && isChanged ? "passed" : scripted;
  // Whatever happened on the way, it is the host that refused it.
  if (reason === expected || (reason === "push_failed" && expected === "passed")) {
    if (mustBeLate(entry))
      wrong(`it ended with ${reason}, and its agent was at work for ${seconds(leastMs)} with a limit of ${seconds(limitMs)}`);
    return;
  }
  if (reason !== null && excuses(entry, run).includes(reason)) return;
  wrong(
    `it ended with ${reason} (${run.sentence}) instead of ${expected} after ${JSON.stringify(entry.hit)}, ${entry.launches} launches`,
  );
};

/** What an executor said is in the transcript, once and in order: all of it, or, when the end could not be brought to safety, its beginning. */
const judgeSpool = (
  wrong: (what: string) => void,
  { run, messages, disk, isLeft }: { run: Run; messages: readonly Message[]; disk: Disk; isLeft: boolean },
): void => {
  const stored = spooled(messages, disk);
  const said = disk.spool.map(({ body }) => JSON.stringify(body));
  const isSaved = !messages.some(({ source, body }) => source === "runner" && body.type === "note");
  const other = stored.findIndex((body, index) => body !== said[index]);
  if (other !== -1) wrong(`event ${other + 1} of its spool is stored as ${stored[other]}`);
  else if (stored.length === said.length || !isSaved || isLeft || run.reason === "sandbox_lost") return;
  wrong(`${stored.length} of ${said.length} events of its spool are stored`);
};

const judgeWork = async (
  world: World,
  wrong: (what: string) => void,
  { run, script, disk }: { run: Run; script: Script; disk: Disk },
): Promise<void> => {
  const expected = JSON.stringify(expectedUnits(script));
  if (JSON.stringify(disk.units.filter((unit) => !isSaid(unit))) !== expected)
    wrong(`its workspace ends as ${JSON.stringify(disk.units)} instead of ${expected}`);
  const diff = await world.store.runs.findDiff(run.id);
  const files = JSON.stringify(diff?.files.map(({ path }) => path) ?? null);
  const parts = checkoutsOf(run).map(({ directory }) => unitsIn(disk.units, directory));
  if (files !== JSON.stringify(parts.flat())) wrong(`its diff is ${files} instead of ${JSON.stringify(parts.flat())}`);
  for (const [index, { directory, headCommit }] of checkoutsOf(run).entries()) {
    if (headCommit !== disk.commit(directory)) wrong(`its head is ${headCommit} instead of ${disk.commit(directory)}`);
    const kept = [...world.kept]
      .filter(([key]) => key.endsWith(`${run.id} ${directory}`))
      .map(([, { units }]) => JSON.stringify(units));
    if (!kept.includes(JSON.stringify(parts[index])))
      wrong(`kept of its work in ${directory} is ${kept.join(" and ")} instead of ${JSON.stringify(parts[index])}`);
  }
  const counts = keysOf(await world.store.transcript.read(run.id, { after: 0, limit: 100_000 }));
  for (const [step, { forgotten }] of script.steps.entries()) {
    const attempts = forgotten.length > 0 ? [1, 2] : [1];
    const names = attempts.flatMap((attempt) => [`step_started ${step} ${attempt}`, `step_finished ${step} ${attempt}`]);
    for (const name of names) if (counts.get(name) !== 1) wrong(`'${name}' is told ${counts.get(name) ?? 0} times`);
  }
};

/** What a server that has nothing to do asks now and then. */
const LOOKS: ReadonlySet<string> = new Set([
  "queue.leases",
  "queue.claimNext",
  "instances.listRecords",
  "driver.list",
  "places.list",
]);

/** What is still held, in the words of the history; nothing is, when every server that lives has let go of everything. */
export const whatIsLeft = async (world: World, servers: readonly Server[]): Promise<string[]> => {
  const left: string[] = [];
  const living = servers.filter(({ isAlive }) => isAlive);
  const isOurs = (id: string): boolean => living.some((server) => server.id === id);
  for (const sandbox of world.sandboxes.values()) {
    const record = await world.store.instances.findRecord(sandbox.instanceId);
    if (isOurs(record === null || record.status === "stopped" ? sandbox.server : record.server))
      left.push(`sandbox ${sandbox.instanceId}`);
  }
  for (const { exists, root, instanceId } of world.disks.values()) {
    if (!exists || !living.some((server) => root.startsWith(`/${server.machine}/${server.id}/`))) continue;
    const record = await world.store.instances.findRecord(instanceId);
    // Whoever took the sandbox over looks after its folders, too, when it comes back.
    if (record === null || record.status === "stopped" || isOurs(record.server)) left.push(`folder ${root}`);
  }
  for (const { server, held } of world.gateways.values())
    if (isOurs(server)) for (const runId of held) left.push(`door of ${runId} at ${server}`);
  for (const { process, up } of living) {
    for (const [op, count] of process.pending) {
      const isIdle = up !== null && ((op === "clock.wait" && count <= 2) || (LOOKS.has(op) && count === 1));
      if (!isIdle) left.push(`${count} ${op} of ${process.name}`);
    }
  }
  return left;
};
