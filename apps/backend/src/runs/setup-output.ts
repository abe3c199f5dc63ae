import { SETUP_OUTPUT_MAX } from "@ccr/protocol";
import { inBackground } from "./background.ts";
import type { Clock } from "./deps.ts";
import type { RunLog } from "./run-log.ts";

/** So much is told as it comes; of what follows, the end alone. Installers that print a line per file do not fill a transcript. */
const LIVE_MAX_CHARACTERS = 256 * 1024;
const TAIL_MAX_CHARACTERS = 64 * 1024;

/** Somebody looks at it; later less often, so that a long set-up does not become thousands of messages. */
const pauseMs = (told: number): number => (told < 100 ? 300 : told < 300 ? 1000 : 3000);

/** The pieces of a text, none longer than one message takes; no character is taken apart. Pure. */
export const pieces = (text: string): string[] => {
  const all: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + SETUP_OUTPUT_MAX);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end -= 1;
    all.push(text.slice(at, end));
    at = end;
  }
  return all;
};

/** Tells in a run's transcript what a set-up prints, live and bounded. */
export const tellOutput = ({ log, clock }: { log: Pick<RunLog, "write">; clock: Clock }) => {
  let waiting = "";
  let live = 0;
  let tail = "";
  let left = 0;
  let told = 0;
  const flush = async (): Promise<void> => {
    const texts = pieces(waiting);
    waiting = "";
    told += texts.length;
    if (texts.length > 0) await log.write(...texts.map((text) => ({ type: "setup_output" as const, text })));
  };
  const telling = inBackground(async (signal) => {
    while (!signal.aborted) {
      await clock.wait(pauseMs(told), signal);
      if (!signal.aborted) await flush();
    }
  });
  return {
    add: (text: string): void => {
      const rest = LIVE_MAX_CHARACTERS - live;
      waiting += text.slice(0, rest);
      live += Math.min(text.length, rest);
      tail += text.slice(rest);
      if (tail.length <= 2 * TAIL_MAX_CHARACTERS) return;
      left += tail.length - TAIL_MAX_CHARACTERS;
      tail = tail.slice(-TAIL_MAX_CHARACTERS);
    },
    /** Tells the rest. To be called once. Throws what the telling ended with. */
    end: async (): Promise<void> => {
      await telling.stop();
      if (tail.length > TAIL_MAX_CHARACTERS) {
        left += tail.length - TAIL_MAX_CHARACTERS;
        tail = tail.slice(-TAIL_MAX_CHARACTERS);
      }
      if (left > 0) waiting += `\n[… ${left.toLocaleString("en")} characters are left out …]\n`;
      waiting += tail;
      tail = "";
      await flush();
    },
  };
};
