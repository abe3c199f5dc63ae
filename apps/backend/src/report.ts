import type { Log } from "./runs/deps.ts";

/** What the person at the terminal sees: stages of the start with their times, then one line per event. */
export const createReport = (write: (line: string) => void, options: { colours: boolean }) => {
  const paint = (code: number, text: string) => (options.colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  const log: Log = (level, text, fields = {}) => {
    const time = new Date().toISOString().slice(11, 19);
    const mark = { info: "", warn: paint(33, "warning: "), error: paint(31, "error: ") }[level];
    const known = Object.entries(fields).map(
      ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
    );
    write([paint(2, time), mark + text, paint(2, known.join(" "))].filter((part) => part !== "").join(" "));
  };
  return {
    log,
    /** Does the work and tells its result, and how long it took; an error is the caller's to tell. */
    stage: async <Result>(name: string, work: () => Promise<Result>, tell: (result: Result) => string): Promise<Result> => {
      const startedAt = performance.now();
      const result = await work();
      const elapsed = performance.now() - startedAt;
      const took = elapsed < 1000 ? `${Math.round(elapsed)} ms` : `${(elapsed / 1000).toFixed(1)} s`;
      write(`  ${paint(32, "✓")} ${name.padEnd(12)} ${tell(result)} ${paint(2, `(${took})`)}`);
      return result;
    },
    say: (text: string) => write(text),
    link: (text: string) => paint(36, text),
  };
};
