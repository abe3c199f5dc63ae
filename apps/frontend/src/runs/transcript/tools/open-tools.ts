/** Tools whose input and result are worth seeing without asking. */
const OPEN: ReadonlySet<string> = new Set([
  "Bash",
  "Write",
  "Edit",
  "MultiEdit",
  "NotebookEdit",
  "TodoWrite",
  "TaskList",
  "AskUserQuestion",
  "ExitPlanMode",
  "ReportFindings",
]);

/** Whether the input and result of a tool are shown without asking. */
export const isOpenTool = (name: string): boolean => OPEN.has(name);
