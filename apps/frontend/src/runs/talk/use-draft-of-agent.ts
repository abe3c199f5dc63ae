import { type DraftBlock, type DraftEvent, isFinal, type Run } from "@ccr/protocol";
import { useEffect, useState } from "react";
import { useApi } from "../../api/client.ts";
import { useUnreachable } from "../../api/use-unreachable.ts";
import { onWake } from "../../api/waking.ts";

const AGAIN_MS = 2000;
/** What has become a message is drawn on for so long, until the message itself is here. */
const LINGER_MS = 1500;

/** What is being written after another event. Pure. */
export const withDraftEvent = (blocks: readonly DraftBlock[], event: DraftEvent): readonly DraftBlock[] => {
  if (event.type === "reset") return event.blocks;
  const { block } = event;
  const known = blocks.findIndex(({ index }) => index === block.index);
  if (known === -1) return [...blocks, block];
  return blocks.map((each, at) => (at === known ? { ...each, text: each.text + block.text } : each));
};

/**
 * What the agent is writing at the moment, drawn at most once a frame. Only while somebody looks: a page out of sight keeps no connection for it.
 * What cannot be followed any more is taken back, and comes anew: whoever connects is told all of it.
 * `lastSeq`: the newest message that the page shows, which takes the place of what was being written.
 */
export const useDraftOfAgent = (run: Pick<Run, "id" | "status">, lastSeq: number): readonly DraftBlock[] => {
  const { client } = useApi();
  const [blocks, setBlocks] = useState<readonly DraftBlock[]>([]);
  const [isSeen, setIsSeen] = useState(() => !document.hidden);
  const [round, setRound] = useState(0);
  // Where the server does not answer, this stream may be the last to hear of it.
  const isReached = useUnreachable() === null;
  const isWriting = isReached && !isFinal(run.status) && run.status !== "queued";
  useEffect(() => {
    const look = (): void => setIsSeen(!document.hidden);
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another round is another connection
  useEffect(() => {
    if (!isSeen || !isWriting) return;
    let now: readonly DraftBlock[] = [];
    let frame: number | null = null;
    let lingering: ReturnType<typeof setTimeout> | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    const draw = (): void => {
      frame = null;
      setBlocks(now);
    };
    const drawSoon = (): void => {
      frame ??= requestAnimationFrame(draw);
    };
    const anew = (): void => setRound((old) => old + 1);
    const lost = (): void => {
      subscription.unsubscribe();
      clearTimeout(lingering);
      now = [];
      drawSoon();
      clearTimeout(again);
      again = setTimeout(anew, AGAIN_MS);
    };
    const subscription = client.talk.onDraft.subscribe(
      { id: run.id },
      {
        onData: (event) => {
          clearTimeout(lingering);
          now = withDraftEvent(now, event);
          if (now.length > 0) drawSoon();
          else lingering = setTimeout(drawSoon, LINGER_MS);
        },
        onComplete: lost,
        onError: lost,
        // The browser would connect again by itself, with half a sentence left standing until then.
        onConnectionStateChange: ({ state, error }) => {
          if (state === "connecting" && error !== null) lost();
        },
      },
    );
    const stopListening = onWake(anew);
    return () => {
      stopListening();
      subscription.unsubscribe();
      clearTimeout(lingering);
      clearTimeout(again);
      if (frame !== null) cancelAnimationFrame(frame);
      setBlocks([]);
    };
  }, [client, run.id, isSeen, isWriting, round]);
  const [shownAt, setShownAt] = useState(lastSeq);
  // A new message tells what was written: the next reset says what is left of it.
  if (shownAt !== lastSeq) {
    setShownAt(lastSeq);
    setBlocks([]);
  }
  return blocks;
};
