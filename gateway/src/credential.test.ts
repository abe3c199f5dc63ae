import { describe, expect, test } from "vitest";
import { upstreamHeaders } from "./credential.ts";
import { endToEndHeaders } from "./headers.ts";

const key = { kind: "api_key" as const, secret: "real" };

describe("upstreamHeaders", () => {
  test("leaves every credential and forwarding header of the client behind", () => {
    const headers = upstreamHeaders(
      [
        ["Authorization", "Bearer mine"],
        ["X-API-Key", "mine"],
        ["x-api-key", "mine-again"],
        ["Cookie", "a=b"],
        ["Host", "evil.test"],
        ["Forwarded", "for=1"],
        ["X-Forwarded-Host", "evil.test"],
        ["X-Real-IP", "1"],
        ["X-Original-URL", "/v1/files"],
        ["X-HTTP-Method-Override", "DELETE"],
        ["anthropic-dangerous-direct-browser-access", "true"],
        ["anthropic-organization-id", "mine"],
        ["anthropic-version", "2023-06-01"],
        ["Accept-Encoding", "gzip, br"],
        ["Content-Type", "application/json"],
        ["X-Stainless-Lang", "js"],
      ],
      key,
    );
    expect(headers).toEqual([
      ["anthropic-version", "2023-06-01"],
      ["content-type", "application/json"],
      ["x-stainless-lang", "js"],
      ["accept-encoding", "identity"],
      ["x-api-key", "real"],
    ]);
  });

  test("adds the subscription's beta once to those that the client asked for", () => {
    const token = { kind: "oauth_token" as const, secret: "real" };
    const betas = (...values: string[]) =>
      upstreamHeaders(
        values.map((value): [string, string] => ["Anthropic-Beta", value]),
        token,
      ).filter(([name]) => name === "anthropic-beta");
    expect(betas("a-1, b-2", "c-3")).toEqual([["anthropic-beta", "a-1,b-2,c-3,oauth-2025-04-20"]]);
    expect(betas("oauth-2025-04-20,a-1")).toEqual([["anthropic-beta", "oauth-2025-04-20,a-1"]]);
    expect(betas()).toEqual([["anthropic-beta", "oauth-2025-04-20"]]);
    expect(upstreamHeaders([], token)).toContainEqual(["authorization", "Bearer real"]);
  });

  test("asks for no beta by which the API itself would reach out or keep files", () => {
    const headers = upstreamHeaders(
      [["anthropic-beta", "a-1,mcp-client-2025-04-04,files-api-2025-04-14, web-fetch-2025-09-10"]],
      key,
    );
    expect(headers).toContainEqual(["anthropic-beta", "a-1"]);
  });

  test("sends a bearer token as such, without a beta of its own", () => {
    const headers = upstreamHeaders([["x-api-key", "mine"]], { kind: "bearer_token", secret: "real" });
    expect(headers).toEqual([
      ["accept-encoding", "identity"],
      ["authorization", "Bearer real"],
    ]);
  });
});

test("endToEndHeaders drops what belongs to one connection, by name and by nomination", () => {
  const kept = endToEndHeaders([
    ["Connection", "close, X-Secret"],
    ["connection", "x-other"],
    ["X-Secret", "1"],
    ["X-Other", "1"],
    ["Keep-Alive", "1"],
    ["TE", "trailers"],
    ["Transfer-Encoding", "chunked"],
    ["Upgrade", "h2c"],
    ["Proxy-Authorization", "Basic x"],
    ["Proxy-Connection", "close"],
    ["Accept", "*/*"],
    ["Accept", "text/html"],
  ]);
  expect(kept).toEqual([
    ["Accept", "*/*"],
    ["Accept", "text/html"],
  ]);
});
