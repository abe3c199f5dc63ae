import { randomBytes } from "node:crypto";
import { type FileHandle, link, unlink } from "node:fs/promises";
import { CcrError } from "@ccr/protocol";
import { z } from "zod";
import { identityAt, identityOf, listBeside, openNew, openToRead } from "./beside.ts";
import { reasonOf } from "./reason.ts";

/*
 * Whose a run's door is. Several servers may share a database and a machine, each with a gateway. When one takes a run over, the gateway of
 * the other has the run's door open still: it may go on without its server, or be frozen, and nobody can make sure that it is gone.
 *
 * So the doors of one audit file have a chain of files beside it, `<audit file>.owner-1`, `-2` and so on, and the door is whose file has the
 * greatest number. A file comes to be whole or not at all, and under a number that nobody else has, so of two who come at once one sees the
 * other. Who has the door looks, each time before something is let through, whether there is a next number by now. Who takes it makes the
 * next file first, and reads afterwards what the one before has written down as begun: that one wrote it down before it looked.
 *
 * Files of the past are removed in the order of their numbers, by whoever came after them. So a door is lost when there is a next number, and
 * also when its own file is another one or none.
 */

const Owner = z.object({
  /** Under which fencing number the door was opened. */
  fence: z.number().int().nonnegative(),
  /** The control socket of the gateway that has it, where it has one. */
  control: z.string().nullable(),
});
export type Owner = z.infer<typeof Owner>;

/** `taken`: another gateway has opened the door since. `missing`: nobody has, but somebody removed the files. */
export type Standing = "ours" | "taken" | "missing";

/** A door that is ours, until another gateway opens it. */
export type Ownership = {
  readonly number: number;
  /** How it stands now. Whatever was written before the call, a gateway that takes the door after it reads. */
  look(): Promise<Standing>;
  /** From now on the door is open under this fencing number, if that is greater. */
  raise(fence: number): Promise<void>;
  /** Removes what those before have left, once nothing of theirs is needed any more. */
  forgetOthers(): Promise<void>;
  /** Leaves the door to whoever comes. Nothing happens to it when it is not ours any more. */
  release(): Promise<void>;
};

const OWNER_MAX_BYTES = 4096;

/** Says that a fencing number is no longer good: whoever has it has lost the run. */
export const refusedFence = (fence: number, greatest: number): CcrError =>
  new CcrError("forbidden", `This door was opened with the fencing number ${greatest}; ${fence} is no longer good.`);

/** Throws when a door is not ours any more: `forbidden` when somebody else has it. */
export const checkOurs = (standing: Standing): void => {
  if (standing === "taken") throw new CcrError("forbidden", "Another gateway has opened this door since.");
  if (standing === "missing") throw new CcrError("unavailable", "Files of this door's audit were removed. Try again.");
};

const pathOf = (auditPath: string, number: number): string => `${auditPath}.owner-${number}`;

const listNumbers = async (auditPath: string): Promise<number[]> => {
  const numbers = (await listBeside(auditPath, "owner")).map((file) => Number(/-(\d{1,15})$/.exec(file)?.[1]));
  return numbers.filter(Number.isSafeInteger).sort((a, b) => a - b);
};

/** Null: it is not there. What cannot be read says nothing, so that it keeps nobody out. */
const readOwner = async (file: string): Promise<Owner | null> => {
  try {
    const handle = await openToRead(file);
    if (handle === null) return null;
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(OWNER_MAX_BYTES), 0, OWNER_MAX_BYTES, 0);
      return Owner.parse(JSON.parse(buffer.subarray(0, bytesRead).toString()));
    } finally {
      await handle.close();
    }
  } catch {
    return { fence: 0, control: null };
  }
};

/** Who has, or had, the door last. Null: it was closed, or never opened. */
export const findOwner = async (auditPath: string): Promise<Owner | null> => {
  const last = (await listNumbers(auditPath)).at(-1);
  return last === undefined ? null : readOwner(pathOf(auditPath, last));
};

const removed = (file: string): Promise<void> => unlink(file).catch(() => {});

/** Makes an owner's file, with all that is to be in it; gives it opened. Null: the number has been given. */
const make = async (auditPath: string, number: number, owner: Owner): Promise<FileHandle | null> => {
  const beside = `${auditPath}.claim-${randomBytes(6).toString("hex")}`;
  const file = await openNew(beside);
  try {
    await file.writeFile(JSON.stringify(owner));
    await link(beside, pathOf(auditPath, number));
    return file;
  } catch (error) {
    await file.close();
    if (reasonOf(error) === "EEXIST") return null;
    throw error;
  } finally {
    await removed(beside);
  }
};

const owned = async (
  auditPath: string,
  number: number,
  { file, owner }: { file: FileHandle; owner: Owner },
): Promise<Ownership> => {
  const own = await identityOf(file);
  let { fence } = owner;
  const path = pathOf(auditPath, number);

  const look = async (): Promise<Standing> => {
    // The next number first: it is removed after ours, and never before.
    if ((await identityAt(pathOf(auditPath, number + 1))) !== null) return "taken";
    if ((await identityAt(path)) === own) return "ours";
    // Whoever came after those that came after us may have begun to count anew.
    return (await listNumbers(auditPath)).length > 0 ? "taken" : "missing";
  };

  return {
    number,
    look,
    raise: async (greater) => {
      if (greater <= fence) return;
      fence = greater;
      // Over what is there, which is never longer. Who reads the old number and takes the door in this moment is seen by whoever looks.
      await file.write(JSON.stringify({ ...owner, fence }), 0);
    },
    forgetOthers: async () => {
      for (const other of await listNumbers(auditPath)) if (other < number) await removed(pathOf(auditPath, other));
    },
    release: async () => {
      if ((await look().catch(() => null)) === "ours") await removed(path);
      await file.close();
    },
  };
};

/**
 * Makes the door of an audit file ours. Throws `forbidden` when it was opened with a greater fencing number. Whoever had it before may not know
 * yet, and lets nothing through from now on.
 */
export const takeOwnership = async (auditPath: string, owner: Owner): Promise<Ownership> => {
  for (;;) {
    const last = (await listNumbers(auditPath)).at(-1) ?? 0;
    const before = last === 0 ? null : await readOwner(pathOf(auditPath, last));
    if (before !== null && before.fence > owner.fence) throw refusedFence(owner.fence, before.fence);
    const number = last + 1;
    const file = await make(auditPath, number, owner);
    if (file === null) continue;
    try {
      // Where others came and went since the look at the numbers, this one has been given and removed before.
      if ((await listNumbers(auditPath)).at(-1) === number) return await owned(auditPath, number, { file, owner });
    } catch (error) {
      await file.close();
      throw error;
    }
    // The file stays: whoever has the number before looks for this one, and would take itself for the owner without it.
    await file.close();
  }
};
