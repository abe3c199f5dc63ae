import { CcrError } from "@ccr/protocol";
import { type Solitude, watchSolitude } from "./alone.ts";
import { readConfig } from "./config.ts";
import { serveControl } from "./control.ts";
import { createGateway } from "./gateway.ts";
import { maskText } from "./mask.ts";

// Whoever started the gateway may be gone, and with them the other end of its output. It goes on all the same.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

const describe = (error: unknown): string =>
  error instanceof CcrError ? error.message : error instanceof Error ? (error.stack ?? error.name) : "unknown error";

const start = async (): Promise<void> => {
  const config = readConfig();
  const { credential, baseUrl } = config.upstream;
  process.on("uncaughtException", (error) => {
    process.stderr.write(`gateway: failed: ${maskText(describe(error), credential.secret)}\n`);
    process.exit(1);
  });

  const gateway = createGateway({
    upstream: config.upstream,
    configuration: config.configuration,
    control: config.controlSocketPath,
    note: (text) => process.stdout.write(`gateway: ${text}\n`),
  });
  let solitude: Solitude | null = null;
  const control = await serveControl(gateway, config.controlSocketPath, () => solitude?.heard());

  let isStopping = false;
  const stop = async (why: string) => {
    if (isStopping) return;
    isStopping = true;
    solitude?.stop();
    process.stdout.write(`gateway: stopping: ${why}\n`);
    // The control interface first: its readers see it break off, and do not take their runs' records for complete.
    await control.close();
    await gateway.close();
    process.stdout.write("gateway: stopped\n");
    process.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => void stop(signal));
  solitude = watchSolitude({
    aloneMs: config.aloneMs,
    hasDoors: () => gateway.listDoors().length > 0,
    isReachable: control.isReachable,
    end: (why) => void stop(why),
  });
  process.stdout.write(`gateway: ready at ${config.controlSocketPath}, model at ${baseUrl.href} with ${credential.kind}\n`);
};

start().catch((error: unknown) => {
  process.stderr.write(`gateway: ${describe(error)}\n`);
  process.exit(1);
});
