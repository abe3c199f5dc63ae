import { SHELL_INPUT_MAX_CHARACTERS } from "@ccr/protocol";
import { retryDelayMs } from "../../api/live/machine.ts";

export type Sent = "taken" | "again" | "refused";

export interface Typing {
  /** Sends a text after all that was typed before. */
  type(text: string): void;
  /** Sends nothing any more, and forgets what was not sent. */
  stop(): void;
}

/** The first part of a text that can be sent at once; no character is cut in two. */
export const firstPart = (text: string, max = SHELL_INPUT_MAX_CHARACTERS): string => {
  if (text.length <= max) return text;
  const isHigh = /[\uD800-\uDBFF]/.test(text.charAt(max - 1));
  return text.slice(0, isHigh ? max - 1 : max);
};

/**
 * Sends what is typed in its order, one request at a time, and what is typed meanwhile together in the next. A request without an answer is sent again under its
 * number: whoever takes it types it once.
 */
export const createTyping = (options: {
  send: (n: number, text: string) => Promise<Sent>;
  /** Nothing can be typed any more. */
  onRefused: () => void;
}): Typing => {
  const { send, onRefused } = options;
  let waiting = "";
  let isSending = false;
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let n = 0;

  const deliver = async (text: string, failures: number): Promise<void> => {
    const sent = await send(n, text);
    if (isStopped) return;
    if (sent === "again") {
      timer = setTimeout(() => void deliver(text, failures + 1), retryDelayMs(failures + 1));
      return;
    }
    isSending = false;
    if (sent === "refused") {
      waiting = "";
      onRefused();
    } else next();
  };
  const next = (): void => {
    if (isSending || isStopped || waiting === "") return;
    const text = firstPart(waiting);
    waiting = waiting.slice(text.length);
    isSending = true;
    n += 1;
    void deliver(text, 0);
  };
  return {
    type(text) {
      waiting += text;
      next();
    },
    stop() {
      isStopped = true;
      waiting = "";
      clearTimeout(timer);
    },
  };
};
