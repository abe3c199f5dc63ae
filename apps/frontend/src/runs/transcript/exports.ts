/** The forms in which a whole transcript can be had. */
export const EXPORTS = [
  { file: "transcript.md", label: "Markdown" },
  { file: "transcript.html", label: "Web page" },
  { file: "transcript.jsonl", label: "JSON lines" },
] as const;
