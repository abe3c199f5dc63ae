import { type FileHandle, open } from "node:fs/promises";

const PIECE = 1024 * 1024;

/** Reads a growing file line by line. */
export interface Tail extends AsyncDisposable {
  /** The whole lines that came since the last call. `shrank`: whole lines that were there before are gone from the file. */
  read(): Promise<{ lines: string[]; shrank: boolean }>;
}

/** Opens a file that others append to. The same bytes are read once, also when the file has lost its name. */
export const openTail = async (path: string): Promise<Tail> => {
  const file: FileHandle = await open(path, "r");
  /** Everything before was given as lines. */
  let position = 0;
  const read = async () => {
    const { size } = await file.stat();
    const shrank = size < position;
    if (shrank) position = size;
    const lines: string[] = [];
    // A torn last line may be cut off and another one written in its place: it is read anew each time.
    let rest = Buffer.alloc(0);
    for (;;) {
      const piece = Buffer.alloc(PIECE);
      const { bytesRead } = await file.read(piece, 0, PIECE, position + rest.length);
      if (bytesRead === 0) return { lines, shrank };
      rest = Buffer.concat([rest, piece.subarray(0, bytesRead)]);
      const end = rest.lastIndexOf(10) + 1;
      if (end === 0) continue;
      lines.push(
        ...rest
          .subarray(0, end - 1)
          .toString()
          .split("\n"),
      );
      rest = rest.subarray(end);
      position += end;
    }
  };
  return { read, [Symbol.asyncDispose]: () => file.close() };
};
