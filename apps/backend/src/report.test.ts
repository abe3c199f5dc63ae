import { expect, test } from "vitest";
import { createLog } from "./observe/log.ts";
import { createMask } from "./observe/mask.ts";
import { createReport } from "./report.ts";

const TOKEN = "token-0123456789abcdef";

const start = async (format: "text" | "json") => {
  const lines: string[] = [];
  const mask = createMask([TOKEN, "database-password"]);
  const write = (line: string) => void lines.push(line);
  const log = createLog({ write, format, level: "info", mask, colours: false });
  const report = createReport({ write, format, colours: false, log, mask });
  await report.stage(
    "database",
    async () => "postgres://u:database-password@h/d",
    (url) => url,
  );
  report.addSecrets(["made-at-the-start"]);
  report.log("info", "a secret that was made-at-the-start");
  report.up({ address: "http://127.0.0.1:4100/", token: TOKEN, tokenPlace: "see /srv/ccr/token", elapsedMs: 1234 });
  return lines;
};

test("shows a person the stages, without the database's password, and the login link", async () => {
  const lines = await start("text");
  expect(lines[0]).toMatch(/^ {2}✓ database {5}postgres:\/\/u:\*\*\*@h\/d \(\d+ ms\)$/);
  expect(lines[1]).toMatch(/a secret that was \*\*\*$/);
  expect(lines).toContain(`  http://127.0.0.1:4100/login?token=${TOKEN}`);
});

test("writes JSON alone, and no token, when lines of JSON are wanted", async () => {
  const lines = await start("json");
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: "info", stage: "database", msg: "database: postgres://u:***@h/d" },
    { level: "info", msg: "a secret that was ***" },
    {
      level: "info",
      msg: "claude-code-runner is up",
      address: "http://127.0.0.1:4100",
      token: "see /srv/ccr/token",
      tookMs: 1234,
    },
  ]);
  expect(lines.join()).not.toContain(TOKEN);
});
