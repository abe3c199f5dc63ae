import type { Picture } from "./entry.ts";
import { isRecord, type JsonRecord, listOf, recordOf, textOf } from "./json.ts";

/** What the content of a message or of a result holds, by kind. */
export type Content = { text: string; images: Picture[]; others: JsonRecord[] };

const pictureOf = (block: JsonRecord): Picture | null => {
  const source = recordOf(block.source);
  const mediaType = textOf(source.media_type) ?? textOf(block.mimeType);
  const base64 = textOf(source.data) ?? textOf(block.data);
  return block.type === "image" && mediaType !== null && base64 !== null ? { mediaType, base64 } : null;
};

/** What stands behind an image so that the model knows where it lies; a person sees the image. */
const IMAGE_SOURCE = /^\[Image: source: [^\]]*\]$/;

/** Tells apart the blocks of a content; nothing is left out. */
export const readContent = (content: unknown): Content => {
  if (typeof content === "string") return { text: content, images: [], others: [] };
  const parts: string[] = [];
  const images: Picture[] = [];
  const others: JsonRecord[] = [];
  // A single block, as some server tools give it.
  const blocks = isRecord(content) ? [content] : listOf(content).filter(isRecord);
  for (const block of blocks) {
    const picture = pictureOf(block);
    const text = block.type === "text" ? textOf(block.text) : null;
    if (picture !== null) images.push(picture);
    else if (text === null) others.push(block);
    else if (images.length === 0 || !IMAGE_SOURCE.test(text)) parts.push(text);
  }
  return { text: parts.join("\n"), images, others };
};

/** Claude Code puts its own words about a failed call into tags; a person reads what is in them. */
export const withoutErrorTags = (text: string): string => text.replace(/^<tool_use_error>([\s\S]*)<\/tool_use_error>$/, "$1");
