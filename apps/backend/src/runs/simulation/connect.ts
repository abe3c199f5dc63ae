import type { RunDeps } from "../deps.ts";
import { type ExecutorClient, ExecutorLostError } from "../executor-client.ts";
import type { Host } from "./engine.ts";
import type { CallOptions, Inlet } from "./process.ts";
import type { Sandbox } from "./sandbox.ts";
import type { World } from "./world.ts";

/** What changes something; whoever only looks hinders nobody, whether or not the run is still its own. */
const DOES: ReadonlySet<string> = new Set(["initGit", "gitClone", "execute", "interrupt", "check", "ack"]);

const cutOff = (): ExecutorLostError => new ExecutorLostError("the connection was cut");

const unasked = (): never => {
  throw new Error("no person is simulated");
};

/** How a server speaks with the executors of its machine: through sockets at which, now and then, nobody answers. */
export const connectOf =
  (world: World, { process, machine }: Host): RunDeps["connect"] =>
  (endpoint, fence): ExecutorClient => {
    const { random, ledger, sandboxes } = world;
    const path = "socketPath" in endpoint ? endpoint.socketPath : "";
    /** Of several over the same folders, the one that listens. */
    const find = (): Sandbox | undefined => {
      const there = [...sandboxes.values()].filter(
        ({ handle }) => "socketPath" in handle.endpoint && handle.endpoint.socketPath === path,
      );
      return there.find(({ state }) => state === "running") ?? there[0];
    };
    const listening = (): Sandbox => {
      const sandbox = find();
      if (sandbox === undefined || sandbox.machine !== machine) throw new ExecutorLostError("nobody listens");
      return sandbox;
    };
    const cut = (): Error => {
      const sandbox = find();
      if (sandbox !== undefined) ledger.hit(sandbox.instanceId, "cuts");
      return cutOff();
    };
    const options = (signal: AbortSignal): CallOptions => ({
      signal,
      refuse: () => (random.chance(world.weather.executorRefuses) ? cut() : null),
      loseAnswer: () => (random.chance(world.weather.executorForgetsToAnswer) ? cut() : null),
    });
    const serve = <Result>(op: string, act: (sandbox: Sandbox) => Result | Promise<Result>): Promise<Result> => {
      const sandbox = listening();
      return sandbox.serve(fence, () => {
        if (DOES.has(op) && ledger.isSomebodyElses(process, sandbox.instanceId))
          world.violate(`${process.name} asks ${sandbox.instanceId}, which another server drives, for ${op}`);
        ledger.touches(process, sandbox.instanceId);
        return act(sandbox);
      });
    };
    const call = <Result>(
      op: string,
      act: (sandbox: Sandbox) => Result | Promise<Result>,
      signal: AbortSignal,
    ): Promise<Result> => process.call(`executor.${op}`, () => serve(op, act), options(signal));
    const stream = <Item>(
      op: string,
      open: (sandbox: Sandbox, inlet: Inlet<Item>) => () => void,
      signal: AbortSignal,
    ): AsyncGenerator<Item> =>
      process.stream<Item>(`executor.${op}`, (inlet) => serve(op, (sandbox) => open(sandbox, inlet)), options(signal));
    const bytes = (op: string, act: (sandbox: Sandbox) => Buffer, signal: AbortSignal): AsyncIterable<Uint8Array> =>
      stream<Uint8Array>(
        op,
        (sandbox, inlet) => {
          inlet.push(act(sandbox));
          inlet.end();
          return () => {};
        },
        signal,
      );
    return {
      health: (signal) => call("health", (sandbox) => sandbox.health(), signal),
      initGit: (_input, signal) =>
        call("initGit", () => ({ githubUsername: null, email: null, sshKey: false, warning: null }), signal),
      gitClone: (input, signal) => call("gitClone", (sandbox) => sandbox.clone(input), signal),
      setUp: (_input, signal) => stream("setUp", (sandbox, inlet) => sandbox.setUp(inlet), signal),
      restore: (_input, signal) => call("restore", (sandbox) => sandbox.restore(), signal),
      interrupt: (signal) => call("interrupt", (sandbox) => sandbox.interrupt(), signal),
      answer: (_input, signal) => call("answer", () => ({ answered: false }), signal),
      configure: (_input, signal) => call("configure", (sandbox) => ({ configured: sandbox.agent !== null }), signal),
      draft: (signal) => stream("draft", () => () => {}, signal),
      check: (input, signal) => call("check", (sandbox) => sandbox.check(input), signal),
      checkOutput: (checkId, signal) => bytes("checkOutput", (sandbox) => sandbox.checkOutput(checkId), signal),
      diff: (signal) => call("diff", (sandbox) => sandbox.diff(), signal),
      execute: (input, after, signal) =>
        stream("execute", (sandbox, inlet) => sandbox.execute(input, { after, fence, inlet }), signal),
      follow: (after, signal) => stream("follow", (sandbox, inlet) => sandbox.follow({ after, fence, inlet }), signal),
      adopt: (_input, signal) => call("adopt", () => ({ bytes: 0 }), signal),
      ack: (seq, signal) => call("ack", (sandbox) => sandbox.ack(seq), signal),
      snapshot: (query, signal) => call("snapshot", (sandbox) => sandbox.snapshot(query), signal),
      bundle: (query, signal) => bytes("bundle", (sandbox) => sandbox.bundle(query), signal),
      conversation: ({ after }, signal) => bytes("conversation", (sandbox) => sandbox.conversation(after), signal),
      // What only people ask for, of whom there are none here.
      listFiles: unasked,
      listPaths: unasked,
      file: unasked,
      openShell: unasked,
      listShells: unasked,
      followShell: unasked,
      closeShell: unasked,
      shellInput: unasked,
      resizeShell: unasked,
    };
  };
