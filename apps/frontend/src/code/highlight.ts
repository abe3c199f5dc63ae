import type { HighlightAnswer, HighlightRequest } from "./highlight-worker.ts";
import { KINDS, type Kind } from "./kinds.ts";
import type { Language } from "./languages.ts";
import type { PackedLines } from "./tokenize.ts";

/** A part of a line and what it is. */
export type Piece = { text: string; kind: Kind };
/** The lines of a code, each in its pieces, without the newlines. */
export type HighlightedLines = readonly (readonly Piece[])[];

/** Longer texts stay plain. */
export const HIGHLIGHT_MAX = 300_000;
/** So many characters of coloured code are remembered. */
const REMEMBERED_MAX = 3_000_000;
/** A text that takes longer is given up: it stays plain, and the worker is started anew. */
const TIMEOUT_MS = 12_000;

type Job = { key: string; request: HighlightRequest; waiting: Set<(lines: HighlightedLines | null) => void> };

/** Cuts the text into the pieces that the worker told apart; null when they do not fit it. */
export const unpack = (code: string, packed: PackedLines): HighlightedLines | null => {
  const texts = code.split(/\r?\n/);
  if (texts.length !== packed.length) return null;
  return texts.map((text, row) => {
    const pieces: Piece[] = [];
    let from = 0;
    const numbers = packed[row] ?? [];
    for (let index = 0; index + 1 < numbers.length; index += 2) {
      const end = from + (numbers[index] ?? 0);
      if (end > from) pieces.push({ text: text.slice(from, end), kind: KINDS[numbers[index + 1] ?? 0] ?? "plain" });
      from = end;
    }
    if (from < text.length) pieces.push({ text: text.slice(from), kind: "plain" });
    return pieces;
  });
};

/** Colours code in a worker of its own, the newest wish first; what was coloured is remembered by its content. */
export class Highlighter {
  private readonly remembered = new Map<string, HighlightedLines | null>();
  private rememberedSize = 0;
  /** In the order of the wishes. */
  private readonly jobs = new Map<string, Job>();
  private running: { job: Job; timer: ReturnType<typeof setTimeout> } | null = null;
  private worker: Worker | null = null;
  private readonly startWorker: () => Worker;

  constructor(startWorker: () => Worker) {
    this.startWorker = startWorker;
  }

  /** The coloured lines if they are there already; null: they stay plain; undefined: not known yet. */
  peek(code: string, language: Language): HighlightedLines | null | undefined {
    return code.length > HIGHLIGHT_MAX ? null : this.remembered.get(keyOf(code, language));
  }

  /** Tells the coloured lines once they are there (null: they stay plain). Gives what takes the wish back. */
  ask(code: string, language: Language, done: (lines: HighlightedLines | null) => void): () => void {
    const key = keyOf(code, language);
    const job: Job = this.jobs.get(key) ?? { key, request: { code, language }, waiting: new Set() };
    job.waiting.add(done);
    // Behind all others: the newest wish is for what is in view.
    this.jobs.delete(key);
    this.jobs.set(key, job);
    this.next();
    return () => {
      job.waiting.delete(done);
      if (job.waiting.size === 0 && this.running?.job !== job) this.jobs.delete(key);
    };
  }

  private next(): void {
    if (this.running !== null) return;
    const job = [...this.jobs.values()].at(-1);
    if (job === undefined) return;
    this.running = { job, timer: setTimeout(() => this.giveUp(), TIMEOUT_MS) };
    try {
      this.liveWorker().postMessage(job.request);
    } catch {
      // Without a worker the code stays plain; the text is there all the same.
      this.giveUp();
    }
  }

  private liveWorker(): Worker {
    if (this.worker === null) {
      this.worker = this.startWorker();
      this.worker.addEventListener("message", ({ data }: MessageEvent<HighlightAnswer>) => {
        const code = this.running?.job.request.code ?? "";
        this.finish(data.lines === null ? null : unpack(code, data.lines), data.lines !== null);
      });
      this.worker.addEventListener("error", () => this.giveUp());
    }
    return this.worker;
  }

  private giveUp(): void {
    this.worker?.terminate();
    this.worker = null;
    this.finish(null, true);
  }

  private finish(lines: HighlightedLines | null, keep: boolean): void {
    if (this.running === null) return;
    const { job, timer } = this.running;
    clearTimeout(timer);
    this.running = null;
    this.jobs.delete(job.key);
    // What could not be fetched may be had later, when the server is back.
    if (keep) this.remember(job.key, lines);
    for (const done of job.waiting) done(lines);
    this.next();
  }

  private remember(key: string, lines: HighlightedLines | null): void {
    this.remembered.set(key, lines);
    this.rememberedSize += key.length;
    for (const oldest of this.remembered.keys()) {
      if (this.rememberedSize <= REMEMBERED_MAX) break;
      this.remembered.delete(oldest);
      this.rememberedSize -= oldest.length;
    }
  }
}

const keyOf = (code: string, language: Language): string => `${language}\n${code}`;
