import { z } from "zod";

const Refusal = z.object({ error: z.object({ message: z.string() }) });

/** Why the server does not give what is at an address, in its words; null when it does. */
const refusalOf = async (href: string): Promise<string | null> => {
  if ((await fetch(href, { method: "HEAD" })).ok) return null;
  // Only a whole answer says why, and may be another one by now.
  const answer = await fetch(href);
  if (answer.ok) {
    await answer.body?.cancel();
    return null;
  }
  const told = Refusal.safeParse(await answer.json().catch(() => null));
  return told.data?.error.message ?? `The server answered with ${answer.status}.`;
};

/**
 * Has the browser save what is at an address of this server, under the name that it gives. Rejects with what the server says when there is nothing, and
 * with the browser's error when it cannot be asked.
 */
export const downloadFrom = async (href: string): Promise<void> => {
  const refusal = await refusalOf(href);
  if (refusal !== null) throw new Error(refusal);
  const link = document.createElement("a");
  link.href = href;
  link.download = "";
  link.click();
};

/** Hands a text to the browser as a file to save. */
export const downloadText = (name: string, text: string, type: string): void => {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The download has its own reference to the blob once the click was handled.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
};
