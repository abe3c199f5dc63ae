/** What an agent asks with `AskUserQuestion`. */
export const COLOURS = {
  questions: [
    {
      question: "Which colour?",
      header: "Colour",
      multiSelect: false,
      options: [
        { label: "Red", description: "warm" },
        { label: "Blue", description: "cold" },
      ],
    },
  ],
};

/** The turns of an agent that runs one command, and ends with these words. */
export const turnsOf = (command: string, said: string) => [
  { blocks: [{ type: "tool_use", name: "Bash", input: { command, description: "Work" } }] },
  { blocks: [{ type: "text", text: said }] },
];
