import type { DraftBlock, Run } from "@ccr/protocol";
import { Brain, PenLine, Wrench } from "lucide-react";
import { Markdown } from "../transcript/markdown.tsx";
import { useDraftOfAgent } from "./use-draft-of-agent.ts";

// Of what grows for long the end is what one looks at.
const SHOWN_MAX = 4000;

const Block = ({ kind, name, text }: DraftBlock) => {
  switch (kind) {
    case "text":
      return (
        <div className="flex min-w-0 gap-2.5">
          <PenLine aria-hidden className="mt-1 size-4 shrink-0 animate-pulse-dot text-accent" />
          <div className="min-w-0 flex-1">
            <Markdown text={text} streaming />
          </div>
        </div>
      );
    case "thinking":
      return (
        <div className="flex min-w-0 gap-2.5 text-ink-soft">
          <Brain aria-hidden className="mt-0.5 size-4 shrink-0 animate-pulse-dot" />
          <p className="min-w-0 flex-1 whitespace-pre-wrap italic [overflow-wrap:anywhere]">{text.slice(-SHOWN_MAX)}</p>
        </div>
      );
    case "tool":
      return (
        <div className="flex min-w-0 gap-2.5 text-ink-soft">
          <Wrench aria-hidden className="mt-0.5 size-4 shrink-0 animate-pulse-dot" />
          <p className="min-w-0 flex-1 truncate">
            {name ?? "A tool"} <span className="code text-ink-faint">{text.slice(-200)}</span>
          </p>
        </div>
      );
  }
};

/** What Claude Code is writing at the moment; nothing while it writes nothing. It is read out when it is whole, as a message. */
export const Draft = ({ run, lastSeq }: { run: Run; lastSeq: number }) => {
  const blocks = useDraftOfAgent(run, lastSeq);
  if (blocks.length === 0) return null;
  return (
    <section aria-label="Being written" className="flex flex-col gap-2">
      {blocks.map((block) => (
        <Block key={block.index} {...block} />
      ))}
    </section>
  );
};
