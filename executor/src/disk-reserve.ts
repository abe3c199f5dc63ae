import { open, rm, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { isDiskFull } from "./durable-file.ts";

/** For the events and the small files that must still be written when the disk is full. */
const RESERVE_BYTES = 256 * 1024;
// With less than this beside the reserve an execution would only begin in order to fail.
const ROOM_BYTES = 1024 * 1024;

/** A file of nothing, that keeps room on a disk for what has to be written when there is none left. */
export class DiskReserve {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Takes the room, if it is not taken yet. Rejects with the disk's error when there is none. */
  async take(): Promise<void> {
    const { size } = await stat(this.#path).catch(() => ({ size: 0 }));
    if (size >= RESERVE_BYTES) return;
    const file = await open(this.#path, "w", 0o600);
    try {
      await file.writeFile(Buffer.alloc(RESERVE_BYTES));
      await file.datasync();
    } catch (error) {
      await rm(this.#path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  }

  /** Gives the room back. */
  async release(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  /** Whether there is room to begin something new, beside the reserve. */
  async hasRoom(): Promise<boolean> {
    const { bavail, bsize } = await statfs(dirname(this.#path));
    return bavail * bsize >= ROOM_BYTES;
  }

  /** Does a piece of work that writes little; on a full disk once more, with the reserve's room. */
  async lend<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      await this.release();
      try {
        return await work();
      } finally {
        await this.take().catch(() => {}); // who begins something new is told that there is no room
      }
    }
  }
}
