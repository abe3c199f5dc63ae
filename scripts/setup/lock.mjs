import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { errorCode } from "./commands.mjs";

/**
 * Names a process so that a later one that got the same number is not mistaken for it; null: there is no such process.
 * @param {number} pid
 * @returns {string | null}
 */
const identify = (pid) => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) !== "EPERM") return null;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const startTime = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return `${pid} ${startTime}`;
  } catch {
    return `${pid}`; // no /proc here: the number alone has to do
  }
};

/** @param {string} path */
const readHolder = (path) => {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return null;
  }
};

/** @param {string} holder */
const isAlive = (holder) => identify(Number(holder.split(" ")[0])) === holder;

/**
 * Takes away the lock of a process that is dead; when another process was quicker and holds it now, gives it back.
 * @param {string} path
 * @param {string} dead
 */
const clearDead = (path, dead) => {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (readHolder(aside) !== dead) linkSync(aside, path);
    unlinkSync(aside);
  } catch {
    // somebody else cleared it
  }
};

/**
 * Does something that two processes must not do at once. Waits for the other; the lock of one that died is taken over.
 * @template T
 * @param {string} path
 * @param {{ waiting: (holder: string) => void, action: () => Promise<T> }} options `waiting` is called once, when somebody else is at it
 * @returns {Promise<T>}
 */
export const withLock = async (path, { waiting, action }) => {
  mkdirSync(dirname(path), { recursive: true });
  const own = `${path}.${process.pid}.own`;
  const me = identify(process.pid) ?? `${process.pid}`;
  let told = false;
  for (;;) {
    try {
      // Written first and linked then: nobody ever sees a lock without its holder's name.
      writeFileSync(own, me);
      linkSync(own, path);
      break;
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
    } finally {
      rmSync(own, { force: true });
    }
    const holder = readHolder(path);
    if (holder !== null && !isAlive(holder)) clearDead(path, holder);
    else if (holder !== null) {
      if (!told) waiting(holder.split(" ")[0] ?? "");
      told = true;
      await delay(200);
    }
  }
  try {
    return await action();
  } finally {
    if (readHolder(path) === me) unlinkSync(path);
  }
};
