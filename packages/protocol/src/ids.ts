import { z } from "zod";

/** How the message begins that says that a text cannot be an id. */
export const NOT_AN_ID = "is not an id of this kind";

/** Ids are opaque to clients; the prefix tells a person what an id in a log line names. */
const id = <const Brand extends string>(prefix: string, brand: Brand) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-z]{10,40}$`), `${NOT_AN_ID} (${prefix}_…)`)
    .brand<typeof brand>();

export const TaskId = id("task", "TaskId");
export type TaskId = z.infer<typeof TaskId>;

export const RunId = id("run", "RunId");
export type RunId = z.infer<typeof RunId>;

export const InstanceId = id("inst", "InstanceId");
export type InstanceId = z.infer<typeof InstanceId>;

export const BatchId = id("bat", "BatchId");
export type BatchId = z.infer<typeof BatchId>;
export const EnvironmentId = id("env", "EnvironmentId");
export type EnvironmentId = z.infer<typeof EnvironmentId>;

/** Something that a person said to a run. */
export const InputId = id("input", "InputId");
export type InputId = z.infer<typeof InputId>;

/** One server: a data folder, and whichever process holds it at the time. */
export const ServerId = id("srv", "ServerId");
export type ServerId = z.infer<typeof ServerId>;

/** A moment, ISO 8601 in UTC with milliseconds, e.g. `2026-11-22T20:39:28.000Z`. */
export const Timestamp = z.iso.datetime();
