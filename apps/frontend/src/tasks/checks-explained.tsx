import { Scale, Terminal } from "lucide-react";
import { plural } from "../ui/format.ts";
import { explainChecks } from "./checks.ts";

/** What the server will make of a step's checks, while they are written. */
export const ChecksExplained = ({ checks }: { checks: string }) => {
  const { commands, prose, almostCommands } = explainChecks(checks);
  return (
    <div className="flex flex-col gap-1.5 text-xs text-ink-soft" aria-live="polite">
      {commands.length === 0 && prose === "" && (
        <p>No checks: the step passes when Claude Code ends its turn without an error.</p>
      )}
      {commands.length > 0 && (
        <div className="flex flex-col gap-1">
          <p>
            {commands.length === 1 ? "One command is run" : `${commands.length} commands are run in this order`} after the step,
            on a clean checkout of the work in a sandbox of its own: install what{" "}
            {commands.length === 1 ? "it needs" : "they need"} first, and do not count on files that git ignores. Exit code 0
            passes; with any other, Claude Code is told and tries again, as often as the run’s limit on attempts allows:
          </p>
          <ol className="flex flex-col gap-0.5">
            {commands.map((command, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the same command may stand twice
              <li key={index} className="flex min-w-0 items-center gap-1.5">
                <Terminal aria-hidden className="size-3 shrink-0 text-ok" />
                <code className="code truncate text-ink" title={command}>
                  {command}
                </code>
              </li>
            ))}
          </ol>
        </div>
      )}
      {prose !== "" && (
        <p className="flex min-w-0 gap-1.5">
          <Scale aria-hidden className="mt-0.75 size-3 shrink-0 text-ok" />
          <span>
            <span className="font-medium text-ink">
              {plural(prose.split("\n").filter((line) => line.trim() !== "").length, "line")} of prose:
            </span>{" "}
            judged by a separate Claude that only reads{commands.length > 0 && ", once every command has passed"}.
          </span>
        </p>
      )}
      {almostCommands.map((line) => (
        <p key={line} className="text-warn">
          <code className="code">{line}</code> reads as prose. A command begins its line with a dollar sign and one space:{" "}
          <code className="code">$ npm test</code>
        </p>
      ))}
    </div>
  );
};
