import { useMemo } from "react";
import { languageNamed, languageOfPath } from "../../../code/languages.ts";
import { recordOf, textOf } from "../../entries/json.ts";
import { shortPath } from "../../entries/tool-subject.ts";
import { DiffView } from "../diff-view.tsx";
import { editDiff } from "../tool-diff.ts";
import { Result, type ToolProps } from "./result.tsx";

const EDIT_MODES: Readonly<Record<string, string>> = { insert: "A new cell", delete: "The cell is deleted", replace: "The cell" };

/** What an edit changed, and why when it could not be made. */
export const EditBody = ({ entry, folds }: ToolProps) => {
  const { input, result, key, name } = entry;
  const notebook = textOf(input.notebook_path);
  const path = notebook ?? textOf(input.file_path) ?? "";
  const diff = useMemo(() => editDiff(entry), [entry]);
  const cellLanguage = textOf(recordOf(result?.structured).language) ?? "python";
  const isText = (textOf(input.cell_type) ?? textOf(recordOf(result?.structured).cell_type)) === "markdown";
  const language = notebook === null ? languageOfPath(path) : isText ? "markdown" : languageNamed(cellLanguage);
  return (
    <div className="flex flex-col gap-2">
      {name === "NotebookEdit" && (
        <p className="text-xs text-ink-faint">
          {EDIT_MODES[textOf(input.edit_mode) ?? "replace"] ?? "The cell"} {textOf(input.cell_id) ?? ""}
        </p>
      )}
      {input.replace_all === true && <p className="text-xs text-ink-faint">Everywhere in the file</p>}
      {diff.length > 0 && (
        <DiffView
          lines={diff}
          language={language}
          label={`Changes to ${shortPath(path)}`}
          foldKey={`${key}:diff`}
          folds={folds}
        />
      )}
      {diff.length === 0 && result?.isError !== true && <p className="text-xs text-ink-faint">Nothing is different.</p>}
      {result?.isError === true && <Result entry={entry} folds={folds} />}
      {recordOf(result?.structured).userModified === true && (
        <p className="text-xs text-ink-faint">A person changed the edit before it was made.</p>
      )}
    </div>
  );
};
