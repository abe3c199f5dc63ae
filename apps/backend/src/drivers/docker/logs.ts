const HEADER_BYTES = 8;

/** The output in an engine's log answer, in which each piece of stdout or stderr has a header of eight bytes. A cut last piece counts. */
export const readLogFrames = (frames: Buffer): Buffer => {
  const pieces: Buffer[] = [];
  for (let at = 0; at + HEADER_BYTES <= frames.length; ) {
    const length = frames.readUInt32BE(at + 4);
    pieces.push(frames.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length));
    at += HEADER_BYTES + length;
  }
  return Buffer.concat(pieces);
};
