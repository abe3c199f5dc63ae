import { CodeText } from "../../../code/code.tsx";
import { textOf } from "../../entries/json.ts";
import { CopyCorner } from "../copy-corner.tsx";
import { Output } from "../output.tsx";
import { Pictures } from "../picture.tsx";
import { readBash } from "./bash-result.ts";
import type { ToolProps } from "./result.tsx";

/** A longer command does not fit the line of its call. */
const COMMAND_LINE = 60;

/** A command, in the colours of a shell. */
const Command = ({ command }: { command: string }) => (
  <div className="group/copy relative">
    <section
      aria-label="Command"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
      className="inset-ring-focus max-h-80 overflow-y-auto rounded-lg border border-line bg-surface"
    >
      <pre className="code px-3 py-2 pr-10 whitespace-pre-wrap [overflow-wrap:anywhere]">
        <code>
          <CodeText code={command} language="shellscript" />
        </code>
      </pre>
    </section>
    <CopyCorner text={() => command} label="Copy the command" className="absolute top-1 right-1 bg-surface" />
  </div>
);

/** What `Bash` ran, what that printed, and how it ended. */
export const BashBody = ({ entry, folds }: ToolProps) => {
  const { result, key, input, task } = entry;
  const command = textOf(input.command) ?? "";
  const description = textOf(input.description);
  const { output, notes } = readBash(entry);
  const runsOn = task?.inBackground === true;
  return (
    <div className="flex flex-col gap-2">
      {description !== null && <p className="text-ink-soft [overflow-wrap:anywhere]">{description}</p>}
      {(command.includes("\n") || command.length > COMMAND_LINE) && <Command command={command} />}
      {result !== null && !result.interrupted && (output.trim() !== "" || !runsOn) && result.images.length === 0 && (
        <Output text={output} isError={result.isError} foldKey={`${key}:out`} folds={folds} />
      )}
      {result !== null && <Pictures pictures={result.images} label="Image that the command gave" />}
      {notes.length > 0 && (
        <ul className="text-xs text-ink-faint">
          {notes.map((note) => (
            <li key={note} className="[overflow-wrap:anywhere]">
              {note}
            </li>
          ))}
        </ul>
      )}
      {task?.report != null && <p className="text-xs text-ink-soft [overflow-wrap:anywhere]">{task.report}</p>}
    </div>
  );
};
