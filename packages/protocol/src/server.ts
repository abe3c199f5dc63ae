import { z } from "zod";
import { TaskId, Timestamp } from "./ids.ts";

/** What the page and a client need to know of the server. */
export const ServerInfo = z.object({
  version: z.string(),
  /** Another one when another version of the page, or of the server, is there. */
  build: z.string(),
  /** True when no credential for the model is configured: runs then talk to the built-in scripted model. */
  demo: z.boolean(),
  /** The demo task's repository, ready to launch against; null outside of demo mode. */
  demoRepository: z.string().nullable(),
  /** The demo task, when there still is one; left out outside of demo mode. */
  demoTaskId: TaskId.optional(),
  driver: z.object({
    name: z.enum(["docker", "bubblewrap"]),
    /** Which driver was taken, and why. */
    sentence: z.string(),
  }),
  /** Folders below which a local path may be given as a repository. */
  localRepositoryRoots: z.array(z.string()),
  maxConcurrentRuns: z.number().int(),
});
export type ServerInfo = z.infer<typeof ServerInfo>;

/** What whoever looks after a server, or helps with it, wants to know of it; nothing of it is secret. */
export const ServerAbout = z.object({
  startedAt: Timestamp,
  node: z.string(),
  /** Of the operating system: its name, release and processor. */
  system: z.string(),
  database: z.enum(["sqlite", "postgres"]),
  /** How many runs may go on at once of one repository and of one task, over all servers; null: no limit. */
  maxRunsPerRepository: z.number().int().nullable(),
  maxRunsPerTask: z.number().int().nullable(),
  /** Where the model's requests go. */
  modelHost: z.string(),
});
export type ServerAbout = z.infer<typeof ServerAbout>;

/** Bytes on a disk; null: more files, or deeper nested ones, than can be measured. */
const DiskBytes = z.number().int().nonnegative().nullable();

/** One thing that takes disk. */
export const DiskItem = z.object({
  /** A mirror's folder, a set-up's key, a run's id, an instance's id, an image's reference. */
  name: z.string(),
  bytes: DiskBytes,
  /** When it was last used, or its run ended; null: it is not known, or the run goes on. */
  since: Timestamp.nullable(),
  /** A run that has not ended, or work that is kept, needs it; an image: a sandbox runs from it. */
  inUse: z.boolean(),
  /** From when on retention removes it; null: never, or not as long as it is in use. */
  removableAt: Timestamp.nullable(),
});
export type DiskItem = z.infer<typeof DiskItem>;

/** Things of one kind: all of them in numbers, and the greatest by themselves. */
export const DiskPart = z.object({ count: z.number().int().nonnegative(), bytes: DiskBytes, items: z.array(DiskItem) });
export type DiskPart = z.infer<typeof DiskPart>;

/** How long what is kept: in days, and null for ever. */
export const RetentionRules = z.object({
  /** Ended runs with their transcripts. */
  runsDays: z.number().int().positive().nullable(),
  /** The work of ended runs: bundles, conversations, workspaces that were put aside. */
  workDays: z.number().int().positive().nullable(),
  /** Mirrors of repositories, since they were last used. */
  mirrorsDays: z.number().int().positive().nullable(),
  /** What set-ups left, since a run last used it. */
  setupsDays: z.number().int().positive().nullable(),
  /** Of that so much at most, the last used; in MiB, and null without a limit. */
  setupsMb: z.number().int().positive().nullable(),
  /** So many executor images, the newest; null: all. */
  images: z.number().int().positive().nullable(),
});
export type RetentionRules = z.infer<typeof RetentionRules>;

export const CLEAN_UP_KINDS = ["runs", "work", "mirrors", "setups", "images"] as const;
export type CleanUpKind = (typeof CLEAN_UP_KINDS)[number];

/** One file system that the server writes to. */
export const DiskPlace = z.object({
  /** `docker`: where the Docker Engine keeps images and containers. */
  name: z.enum(["data", "database", "docker"]),
  freeBytes: z.number().int().nonnegative(),
  totalBytes: z.number().int().nonnegative(),
});
export type DiskPlace = z.infer<typeof DiskPlace>;

/** What the server takes of its disks, and what goes next. Measuring takes a while, so an answer may be half a minute old: see `at`. */
export const DiskReport = z.object({
  at: Timestamp,
  places: z.array(DiskPlace),
  /** With less than this free, no run is started. 0: always. */
  minFreeBytes: z.number().int().nonnegative(),
  /** Why no run is started now, in a sentence; null: there is room. */
  lack: z.string().nullable(),
  database: z.object({ bytes: DiskBytes }),
  mirrors: DiskPart,
  /** What is kept of runs that have ended, and of those that go on. */
  work: DiskPart,
  /** The folders of sandboxes that are there now. */
  workspaces: DiskPart,
  /** What the gateway wrote down of requests, one file for each run. */
  audit: DiskPart,
  /** What set-ups left for later runs. */
  setups: DiskPart,
  /** null: the driver has no images, or they cannot be listed now. */
  images: DiskPart.nullable(),
  rules: RetentionRules,
  next: z.object({
    /** When retention looks the next time; null: it does not run. */
    at: Timestamp.nullable(),
    /** What it would remove if it looked now; of runs, at most 1,000 are counted. */
    due: z.object({
      runs: z.number().int().nonnegative(),
      work: z.number().int().nonnegative(),
      mirrors: z.number().int().nonnegative(),
      setups: z.number().int().nonnegative(),
      images: z.number().int().nonnegative(),
    }),
  }),
});
export type DiskReport = z.infer<typeof DiskReport>;

const days = z
  .number("must be a number of days")
  .int("must be a whole number of days")
  .min(0, "must be at least 0 days")
  .max(36_500, "must be at most 36,500 days");

/** What is to go now. Never goes: what belongs to a run that has not ended, and what something else needs that is kept. */
export const CleanUpInput = z.strictObject({
  what: z
    .array(
      z.discriminatedUnion("kind", [
        /** Runs that ended so long ago, with their transcripts and all that is kept of them; 0: every run that has ended. */
        z.strictObject({ kind: z.literal("runs"), olderThanDays: days }),
        /** What is kept of the work of runs that ended so long ago; the runs stay. */
        z.strictObject({ kind: z.literal("work"), olderThanDays: days }),
        /** Mirrors that were not used for so long. They are fetched anew when a run wants them. */
        z.strictObject({ kind: z.literal("mirrors"), olderThanDays: days }),
        /** What set-ups left and no run used for so long. It is made anew when a run wants it. */
        z.strictObject({ kind: z.literal("setups"), olderThanDays: days }),
        /** Executor images but for the newest so many. */
        z.strictObject({ kind: z.literal("images"), keep: z.number().int().min(1, "must be at least 1").max(1000) }),
      ]),
    )
    .min(1, "say what is to be removed"),
});
export type CleanUpInput = z.infer<typeof CleanUpInput>;

export const CleanUpResult = z.object({
  removed: z.array(
    z.object({
      kind: z.enum(CLEAN_UP_KINDS),
      count: z.number().int().nonnegative(),
      /** What it freed; a database keeps the room of deleted runs for new ones, which is not counted. */
      bytes: DiskBytes,
    }),
  ),
  /** What could not be removed, a sentence for each; the server's log has more. */
  problems: z.array(z.string()),
});
export type CleanUpResult = z.infer<typeof CleanUpResult>;

/** The parts that a server needs to start runs. */
export const READINESS_PARTS = ["store", "sandbox", "gateway", "disk"] as const;
export type ReadinessPart = (typeof READINESS_PARTS)[number];

/** The answer of `/readyz`: each part is `ok` or a sentence that says what is wrong. */
export const Readiness = z.object({ ready: z.boolean(), parts: z.record(z.enum(READINESS_PARTS), z.string()) });
export type Readiness = z.infer<typeof Readiness>;
