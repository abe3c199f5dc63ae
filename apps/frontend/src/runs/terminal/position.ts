import type { ShellEvent } from "@ccr/protocol";

/** How far a reader of a shell has come. */
export type Position = {
  /** The number of the next byte. */
  next: number;
  /** What comes before this byte was printed before the reader came: it is history. */
  historyEnd: number;
};

/** Bytes to be shown. `isHistory`: nothing in them waits for an answer any more. `leftOut`: so many before them are not kept. */
export type Output = { bytes: Uint8Array<ArrayBuffer>; isHistory: boolean; leftOut: number };

export const initialPosition: Position = { next: 0, historyEnd: 0 };

const decode = (data: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(data), (character) => character.charCodeAt(0));

/** A beginning that was cut off in the middle of a line, and maybe of a character or a command to the terminal, begins with the next line. */
const fromNextLine = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
  const end = bytes.indexOf(10);
  return end === -1 ? bytes : bytes.subarray(end + 1);
};

/** What an event brings that was not there before, each byte once and in its order. Pure. */
export const takeEvent = (position: Position, event: ShellEvent): { position: Position; output: Output | null } => {
  if (event.type === "attached") return { position: { ...position, historyEnd: event.end }, output: null };
  if (event.type === "ended") return { position, output: null };
  const bytes = decode(event.data);
  const end = event.at + bytes.length;
  if (end <= position.next) return { position, output: null };
  const leftOut = Math.max(0, event.at - position.next);
  const fresh = bytes.subarray(Math.max(0, position.next - event.at));
  return {
    position: { ...position, next: end },
    output: { bytes: leftOut > 0 ? fromNextLine(fresh) : fresh, isHistory: event.at < position.historyEnd, leftOut },
  };
};
