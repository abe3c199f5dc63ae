import { ChevronRight, Scale, Terminal, TriangleAlert } from "lucide-react";
import { Collapsible } from "radix-ui";
import { plural } from "../ui/format.ts";
import { adviceFor, asCommand, explainChecks } from "./checks.ts";

const Rules = () => (
  <Collapsible.Root>
    <Collapsible.Trigger className="group flex min-h-6 items-center gap-1 rounded font-medium text-ink-soft hover:text-ink">
      <ChevronRight aria-hidden className="size-3 transition-transform group-data-[state=open]:rotate-90" />
      How a step is checked
    </Collapsible.Trigger>
    <Collapsible.Content>
      <dl className="mt-1 grid gap-x-3 gap-y-1.5 rounded-md bg-sunken p-3 sm:grid-cols-[auto_minmax(0,1fr)] [&_dt]:font-medium [&_dt]:text-ink">
        <dt>Where</dt>
        <dd>
          On a clean checkout of the work, in a sandbox of its own: without what git ignores, and without what was installed
          meanwhile. Begin with what the commands need, such as <code className="code">$ npm ci</code>.
        </dd>
        <dt>Commands</dt>
        <dd>
          Lines that begin with <code className="code">$&nbsp;</code>(a dollar sign and one space). Each is run by bash, in their
          order, in the folder of the repository, and in a shell of its own: a <code className="code">cd</code> or a variable is
          forgotten in the next one. Write <code className="code">$ cd web && npm test</code> in one line.
        </dd>
        <dt>Exit code</dt>
        <dd>
          0 passes. With any other, what the command printed is given to Claude Code, which tries again, as often as the run’s
          limit on attempts allows. The commands after it are not run.
        </dd>
        <dt>Prose</dt>
        <dd>
          All other text. Once every command has passed, a separate Claude reads the work, changes nothing, and says whether the
          text is true of it. It costs model time; a command does not.
        </dd>
        <dt>No checks</dt>
        <dd>The step passes when Claude Code ends its turn without an error. Nobody looks whether it did what it was asked.</dd>
        <dt>Network</dt>
        <dd>None, but for hosts that this server allows.</dd>
        <dt>Common mistakes</dt>
        <dd>
          <ul className="list-disc pl-4">
            <li>
              <code className="code">$npm test</code>, without the space, is prose: it is judged and never run.
            </li>
            <li>
              <code className="code">npm test || true</code> passes whatever happens.
            </li>
            <li>A command that waits for input or watches files never ends: the limit on the time of one check ends it.</li>
            <li>A command over two lines: the second line is prose.</li>
          </ul>
        </dd>
      </dl>
    </Collapsible.Content>
  </Collapsible.Root>
);

/** What the server will make of a step's checks, while they are written. */
export const ChecksExplained = ({ checks, onChange }: { checks: string; onChange: (checks: string) => void }) => {
  const { commands, prose, almostCommands, doubts } = explainChecks(checks);
  const mend = (line: string): void =>
    onChange(
      checks
        .split("\n")
        .map((each) => (each.trim() === line ? asCommand(line) : each))
        .join("\n"),
    );
  return (
    <div className="flex flex-col gap-1.5 text-xs text-ink-soft">
      <div className="flex flex-col gap-1.5" aria-live="polite">
        {commands.length === 0 && prose === "" && (
          <p>No checks: the step passes when Claude Code ends its turn without an error.</p>
        )}
        {commands.length > 0 && (
          <div className="flex flex-col gap-1">
            <p>
              {commands.length === 1 ? "One command is run" : `${commands.length} commands are run in this order`} after the step,
              on a clean checkout of the work; exit code 0 passes:
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
        {almostCommands.map((line, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the same line may stand twice
          <p key={index} className="flex min-w-0 gap-1.5 text-warn">
            <TriangleAlert aria-hidden className="mt-0.75 size-3 shrink-0" />
            <span className="min-w-0 [overflow-wrap:anywhere]">
              <code className="code">{line}</code> reads as prose. {adviceFor(line)}{" "}
              <button
                type="button"
                className="min-h-6 rounded font-medium underline underline-offset-2"
                onClick={() => mend(line)}
              >
                Make it <code className="code">{asCommand(line)}</code>
              </button>
            </span>
          </p>
        ))}
        {doubts.map(({ command, why }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the same command may stand twice
          <p key={index} className="flex min-w-0 gap-1.5 text-warn">
            <TriangleAlert aria-hidden className="mt-0.75 size-3 shrink-0" />
            <span className="min-w-0 [overflow-wrap:anywhere]">
              <code className="code">{command}</code>: {why}.
            </span>
          </p>
        ))}
      </div>
      <Rules />
    </div>
  );
};
