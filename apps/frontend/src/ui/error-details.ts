/** What helps to find why a part of the page failed: where, what, and in which browser. The address goes without its query. */
export const errorDetails = ({ name, error, stack = "" }: { name: string; error: unknown; stack?: string }): string => {
  const thrown = error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : String(error);
  return [
    `Part: ${name}`,
    `Page: ${location.pathname}`,
    `Time: ${new Date().toISOString()}`,
    `Browser: ${navigator.userAgent}`,
    "",
    thrown,
    ...(stack === "" ? [] : ["", `Within:${stack}`]),
  ].join("\n");
};
