import {
  ListShellsInput,
  OfShellInput,
  OnShellOutputInput,
  OpenShellInput,
  ResizeShellInput,
  type ShellEvent,
  TypeIntoShellInput,
} from "@ccr/protocol";
import { tracked } from "@trpc/server";
import { procedure, router } from "./trpc.ts";

/** How many bytes of the output one has who has this, and had so many before. */
const positionAfter = (event: ShellEvent, before: number): number =>
  event.type === "output" ? event.at + Buffer.byteLength(event.data, "base64") : before;

export const shellsRouter = router({
  list: procedure.input(ListShellsInput).query(({ ctx, input }) => ctx.shells.list(input.runId)),
  open: procedure.input(OpenShellInput).mutation(({ ctx, input }) => ctx.shells.open(input)),
  input: procedure.input(TypeIntoShellInput).mutation(({ ctx, input }) => ctx.shells.type(input)),
  resize: procedure.input(ResizeShellInput).mutation(({ ctx, input }) => ctx.shells.resize(input)),
  close: procedure.input(OfShellInput).mutation(({ ctx, input }) => ctx.shells.close(input)),
  /** Gives what comes after `lastEventId`, as far as it is kept, then goes on live; ends with the shell, or with its sandbox. */
  onOutput: procedure.input(OnShellOutputInput).subscription(async function* ({ ctx, input, signal }) {
    const until = signal ?? new AbortController().signal;
    let position = Number(input.lastEventId ?? 0);
    for await (const event of ctx.shells.follow(input, { after: position }, until)) {
      position = positionAfter(event, position);
      yield tracked(String(position), event);
    }
  }),
});
