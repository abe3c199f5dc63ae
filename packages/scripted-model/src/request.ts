import { z } from "zod";

const ContentBlock = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  content: z.unknown().optional(),
  tool_use_id: z.string().optional(),
  is_error: z.boolean().nullish(),
});
type ContentBlock = z.infer<typeof ContentBlock>;
const Content = z.union([z.string(), z.array(ContentBlock)]);

/** What the scripted model reads of a request; the rest is let through unread. */
export const MessagesRequest = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string(), content: Content })).min(1, "at least one message is required"),
  system: Content.optional(),
  tools: z.array(z.looseObject({ name: z.string().optional() })).optional(),
  stream: z.boolean().optional(),
});
export type MessagesRequest = z.infer<typeof MessagesRequest>;

/** The result of a tool call, as text. */
export interface ToolResult {
  id: string;
  text: string;
}

/** What the choice of an answer depends on. */
export interface RequestFacts {
  model: string;
  /** A request without tools: the client asks for a title or a summary, say. */
  side: boolean;
  /** The person's newest text. */
  userText: string;
  /** All of the person's texts in this conversation, the newest first. */
  userTexts: string[];
  /** How many answers the model has given since. */
  turn: number;
  /** The newest tool results, as text, one for each call. */
  toolResults: string[];
  /** Those of the whole conversation, the newest first. */
  allToolResults: string[];
  /** Those that came since the model's newest answer. */
  newToolResults: ToolResult[];
  toolFailed: boolean;
  /** The folder that the client says it works in, `/workspace` when it does not. */
  workingDirectory: string;
  offers(tool: string): boolean;
}

const blocksOf = (content: z.infer<typeof Content> | undefined): ContentBlock[] =>
  typeof content === "string" ? [{ type: "text", text: content }] : (content ?? []);

const isReminder = (text: string): boolean => /^\s*<system-reminder>/.test(text);

const textsOf = (content: z.infer<typeof Content> | undefined): string[] =>
  blocksOf(content).flatMap((block) => (block.type === "text" && block.text !== undefined ? [block.text] : []));

const personsText = (content: z.infer<typeof Content>): string =>
  textsOf(content)
    .filter((text) => !isReminder(text) && text.trim() !== "")
    .join("\n");

const resultText = (block: ContentBlock): string => {
  const content = Content.safeParse(block.content);
  return content.success ? textsOf(content.data).join("\n") : "";
};

/** Reads from the request alone what is to be answered: no state, so a client may resume, retry or fork at will. */
export const readFacts = (request: MessagesRequest): RequestFacts => {
  const { messages } = request;
  const person = messages.findLastIndex(({ role, content }) => role === "user" && personsText(content) !== "");
  const since = messages.slice(person + 1);
  const newest = since.findLast(({ role, content }) => role === "user" && blocksOf(content).some(isToolResult));
  const results = blocksOf(newest?.content).filter(isToolResult);
  const all = messages.flatMap(({ role, content }) => (role === "user" ? blocksOf(content).filter(isToolResult) : []));
  const unanswered = messages.slice(messages.findLastIndex(({ role }) => role === "assistant") + 1);
  const notes = [
    ...textsOf(request.system),
    ...messages.flatMap(({ role, content }) => (role === "assistant" ? [] : textsOf(content))).filter((text) => text !== ""),
  ];
  const tools = new Set(request.tools?.map((tool) => tool.name));
  // Claude Code names tools whose description it holds back one a line; it runs them all the same.
  const names = new Set(notes.flatMap((note) => note.split("\n")).filter((line) => /^[A-Za-z]\w*$/.test(line)));
  const folder = notes.map((note) => /Primary working directory: (.+)/.exec(note)?.[1]).findLast((found) => found !== undefined);
  return {
    model: request.model,
    side: tools.size === 0,
    userText: person < 0 ? "" : personsText(messages[person]?.content ?? ""),
    userTexts: messages
      .flatMap(({ role, content }) => (role === "user" ? [personsText(content)] : []))
      .filter((text) => text !== "")
      .reverse(),
    turn: since.filter(({ role }) => role === "assistant").length,
    toolResults: results.map(resultText),
    allToolResults: all.map(resultText).reverse(),
    newToolResults: unanswered
      .flatMap(({ content }) => blocksOf(content).filter(isToolResult))
      .map((block) => ({ id: block.tool_use_id ?? "", text: resultText(block) })),
    toolFailed: results.some((block) => block.is_error === true),
    workingDirectory: folder?.trim() ?? "/workspace",
    offers: (tool) => tools.has(tool) || names.has(tool),
  };
};

const isToolResult = (block: ContentBlock): boolean => block.type === "tool_result";

/** About how many tokens a text has: four characters each, as English prose and code do. */
export const estimateTokens = (characters: number): number => Math.max(1, Math.ceil(characters / 4));

/** About how many tokens a request costs to read. */
export const estimateInputTokens = (request: MessagesRequest): number =>
  estimateTokens(
    [request.system, request.messages, request.tools].reduce<number>((sum, part) => sum + (JSON.stringify(part)?.length ?? 0), 0),
  );
