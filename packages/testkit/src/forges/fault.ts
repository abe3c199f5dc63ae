import type { ServerResponse } from "node:http";

/** What goes wrong with a request: an answer of another kind, none at all, or half of one. */
export type ForgeFault =
  | { status: number; body?: unknown; headers?: Readonly<Record<string, string>> }
  | "hang"
  | "cut"
  | "cut in the middle"
  | "page"
  | "broken"
  | "huge"
  | { redirectTo: string; status?: number };

/** Lets a request go wrong. */
export const goWrong = (fault: ForgeFault, response: ServerResponse): void => {
  const json = { "content-type": "application/json" };
  if (typeof fault === "object") {
    if ("redirectTo" in fault) response.writeHead(fault.status ?? 302, { location: fault.redirectTo }).end();
    else response.writeHead(fault.status, { ...json, ...fault.headers }).end(JSON.stringify(fault.body ?? {}));
    return;
  }
  switch (fault) {
    case "hang":
      return;
    case "cut":
      response.destroy();
      return;
    case "cut in the middle":
      response.writeHead(200, { ...json, "content-length": "1000" });
      response.write('[{"number":', () => response.destroy());
      return;
    case "page":
      response.writeHead(200, { "content-type": "text/html" }).end("<html><body>Sign in</body></html>");
      return;
    case "broken":
      response.writeHead(200, json).end('{"number": 1,');
      return;
    case "huge": {
      response.writeHead(200, json);
      const chunk = Buffer.alloc(1024 * 1024, " ");
      const send = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once("drain", send);
      };
      send();
      return;
    }
  }
};
