import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What the name of every temporary folder of this process begins with; `leakWatch` looks for what is left of them. */
export const temporaryFolderPrefix = `ccr-${process.pid}-`;

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
  /** A path inside the folder; nothing is created. */
  join(...parts: string[]): string;
}

/** Makes a folder with a short path (unix sockets must fit below it) that is removed, with all it holds, when disposed. */
export const temporaryFolder = async (): Promise<TemporaryFolder> => {
  const path = await mkdtemp(join(await realpath(tmpdir()), temporaryFolderPrefix));
  return {
    path,
    join: (...parts) => join(path, ...parts),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }),
  };
};
