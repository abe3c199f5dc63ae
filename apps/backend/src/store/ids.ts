import { randomBytes } from "node:crypto";
import { BatchId, EnvironmentId, InputId, InstanceId, RunId, TaskId } from "@ccr/protocol";

export interface Ids {
  task(): TaskId;
  batch(): BatchId;
  run(): RunId;
  instance(): InstanceId;
  environment(): EnvironmentId;
  input(): InputId;
}

// Crockford's letters: none that a person mistakes for another, and in the order of their character codes, so that ids sort as text.
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const RANDOM_BITS = 80n;

const encode = (value: bigint, length: number): string => {
  let text = "";
  for (let rest = value; text.length < length; rest >>= 5n) text = `${DIGITS.charAt(Number(rest & 31n))}${text}`;
  return text;
};

/**
 * Makes ids of 48 bits of time and 80 random ones, in lower case, that sort by when they were made: each id is greater than the one
 * before it, also within one millisecond and when the clock is set back. With a clock and `random` bytes that repeat, so do the ids.
 */
export const createIds = (now: () => Date = () => new Date(), random: (size: number) => Buffer = randomBytes): Ids => {
  let last = 0n;
  const next = (): string => {
    const fresh = (BigInt(now().getTime()) << RANDOM_BITS) | BigInt(`0x${random(10).toString("hex")}`);
    last = fresh >> RANDOM_BITS > last >> RANDOM_BITS ? fresh : last + 1n + BigInt(random(4).readUInt32BE());
    return encode(last, 26);
  };
  return {
    task: () => TaskId.parse(`task_${next()}`),
    batch: () => BatchId.parse(`bat_${next()}`),
    run: () => RunId.parse(`run_${next()}`),
    instance: () => InstanceId.parse(`inst_${next()}`),
    environment: () => EnvironmentId.parse(`env_${next()}`),
    input: () => InputId.parse(`input_${next()}`),
  };
};
