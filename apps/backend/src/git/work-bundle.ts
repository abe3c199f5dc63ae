import type { FileHandle } from "node:fs/promises";

/** What stands before the pack in a git bundle. */
export interface BundleHeader {
  prerequisites: string[];
  refs: { name: string; commit: string }[];
  /** Where the pack begins. */
  packOffset: number;
}

// A thousand branches with names of the greatest length fit.
const HEADER_MAX_BYTES = 1024 * 1024;
const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;
const END = Buffer.from("\n\n");

/** Reads a bundle's header; gives why it is none of ours as a text. Names are bytes, one character each. Pure. */
export const parseBundleHeader = (start: Buffer): BundleHeader | string => {
  const end = start.indexOf(END);
  if (end === -1) return start.length > HEADER_MAX_BYTES ? "its header has no end" : "it has no header";
  const [signature, ...lines] = start.subarray(0, end).toString("latin1").split("\n");
  if (signature !== "# v2 git bundle" && signature !== "# v3 git bundle") return "it does not begin as a git bundle does";
  const prerequisites: string[] = [];
  const refs: BundleHeader["refs"] = [];
  for (const line of lines) {
    if (line.startsWith("@")) {
      if (!/^@object-format=(sha1|sha256)$/.test(line)) return `it wants '${line.slice(0, 60)}', which is not taken`;
      continue;
    }
    const isPrerequisite = line.startsWith("-");
    const [commit = "", ...rest] = (isPrerequisite ? line.slice(1) : line).split(" ");
    if (!COMMIT.test(commit)) return "its header has a line that names no commit";
    if (isPrerequisite) prerequisites.push(commit);
    else refs.push({ name: rest.join(" "), commit });
  }
  return { prerequisites, refs, packOffset: end + END.length };
};

/** Reads the header of a bundle's file, and leaves the file's position where the pack begins. */
export const readBundleHeader = async (file: FileHandle): Promise<BundleHeader | string> => {
  const start = Buffer.alloc(HEADER_MAX_BYTES + 1);
  const { bytesRead } = await file.read(start, 0, start.length, 0);
  const header = parseBundleHeader(start.subarray(0, bytesRead));
  // A read without a position is what moves it.
  if (typeof header !== "string") await file.read(Buffer.alloc(header.packOffset), 0, header.packOffset, null);
  return header;
};
