const wordsOf = (text: string): string[] => text.toLowerCase().split(/\s+/).filter(Boolean);

/** Whether every word that is looked for is somewhere in these texts. Nothing looked for: everything fits. Pure. */
export const matches = (query: string, ...texts: readonly string[]): boolean => {
  const where = texts.join("\n").toLowerCase();
  return wordsOf(query).every((word) => where.includes(word));
};

/** Those that fit, the ones whose name begins with what is looked for first, at most so many. Pure. */
export const found = <Item>(
  items: readonly Item[],
  query: string,
  options: { texts: (item: Item) => string[]; most: number },
): Item[] => {
  const { texts, most } = options;
  const [first = ""] = wordsOf(query);
  const fitting = items.filter((item) => matches(query, ...texts(item)));
  const isFirst = (item: Item): boolean => (texts(item)[0] ?? "").toLowerCase().startsWith(first);
  return [...fitting.filter(isFirst), ...fitting.filter((item) => !isFirst(item))].slice(0, most);
};
