import type { WriteLog } from "./observe/log.ts";
import type { Mask } from "./observe/mask.ts";

export type ReportOptions = {
  /** Takes one line, without its end. */
  write: (line: string) => void;
  format: "text" | "json";
  colours: boolean;
  log: WriteLog;
  mask: Mask;
};

const tookText = (elapsedMs: number): string =>
  elapsedMs < 1000 ? `${Math.round(elapsedMs)} ms` : `${(elapsedMs / 1000).toFixed(1)} s`;

/** What the person who starts the server sees: stages of the start with their times, and the login link. With the JSON format these are lines of the log. */
export const createReport = ({ write, format, colours, log, mask }: ReportOptions) => {
  const paint = (code: number, text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    log,
    /** Hides these too in all that is written from now on, but for the login link. */
    addSecrets: mask.add,
    /** Does the work and tells its result, and how long it took; an error is the caller's to tell. */
    stage: async <Result>(name: string, work: () => Promise<Result>, tell: (result: Result) => string): Promise<Result> => {
      const startedAt = performance.now();
      const result = await work();
      const elapsedMs = performance.now() - startedAt;
      if (format === "json") log("info", `${name}: ${tell(result)}`, { stage: name, tookMs: Math.round(elapsedMs) });
      else write(mask.hide(`  ${paint(32, "✓")} ${name.padEnd(12)} ${tell(result)} ${paint(2, `(${tookText(elapsedMs)})`)}`));
      return result;
    },
    /**
     * Says that the server is up. The login link holds the token and is for the person alone, so it is written as text only: lines of JSON go
     * to places where more people read them, and tell where the token is instead.
     */
    up: ({
      address,
      token,
      tokenPlace,
      elapsedMs,
    }: {
      address: string;
      token: string;
      tokenPlace: string;
      elapsedMs: number;
    }): void => {
      const base = address.replace(/\/$/, "");
      if (format === "json") {
        log("info", "claude-code-runner is up", { address: base, token: tokenPlace, tookMs: Math.round(elapsedMs) });
        return;
      }
      write("");
      write(`  claude-code-runner is up after ${(elapsedMs / 1000).toFixed(1)} s. Open this link to log in:`);
      write("");
      write(`  ${paint(36, `${base}/login?token=${token}`)}`);
      write("");
    },
  };
};
export type Report = ReturnType<typeof createReport>;
