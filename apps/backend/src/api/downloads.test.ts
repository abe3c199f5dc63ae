import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { createServer, get, type IncomingMessage } from "node:http";
import { CcrError, namesOfPath, type RunId } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { collect, keptPlace, OF, pieces, RUN, runGit, signal } from "../git/testing/kept-place.ts";
import type { KeptWorkStore } from "../git/work.ts";
import { createKeptTrees } from "../git/work-tree.ts";
import type { Download, Downloads, Files } from "../runs/types.ts";
import { downloadRoutes } from "./downloads.ts";

/** What is kept of a run with one repository. */
const asDownloads = (kept: KeptWorkStore): Downloads => ({
  patch: (runId, directory, until) => kept.patch({ runId, directory }, { placed: false, signal: until }),
  bundle: (runId, directory) => kept.bundle({ runId, directory }),
  conversation: kept.conversation,
  checkOutput: kept.checkOutput,
  transcript: async () => null,
});

const noFiles: Pick<Files, "open"> = { open: async () => null };

const serve = async (downloads: Downloads, files = noFiles) => {
  const app = new Hono();
  const errors: unknown[] = [];
  app.onError((error, c) => {
    errors.push(error);
    return c.text("broken", 500);
  });
  const findRun = async (id: RunId) => {
    if (id !== RUN) throw new CcrError("not_found", `There is no run ${id}.`);
  };
  app.route("/", downloadRoutes({ findRun, downloads, files }));
  const server = createServer(getRequestListener(app.fetch));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    errors,
    url: (path: string) => `http://127.0.0.1:${port}${path}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

describe("the files of a run", () => {
  it("are a patch, a bundle and a conversation, under plain names", async () => {
    await using here = await keptPlace();
    await using server = await serve(asDownloads(here.kept));
    const session = "01234567-89ab-cdef-0123-456789abcdef";
    await writeFile(here.file("new"), "1\n");
    await here.keep();
    await here.kept.keepConversation(RUN, { session, after: 0, chunks: pieces(Buffer.from('{"type":"user"}\n')) }, signal);

    const patch = await fetch(server.url(`/runs/${RUN}/work.patch`));
    expect(patch.status).toBe(200);
    expect(patch.headers.get("content-disposition")).toBe(`attachment; filename="${RUN}-work.patch"`);
    await writeFile(here.folder.join("work.patch"), await patch.text());
    await runGit(here.origin.path, ["apply", here.folder.join("work.patch")]);
    expect(await runGit(here.origin.path, ["status", "--porcelain"])).toBe("?? new");

    const bundle = await fetch(server.url(`/runs/${RUN}/work.bundle`));
    const bytes = Buffer.from(await bundle.arrayBuffer());
    expect(bundle.headers.get("content-length")).toBe(String(bytes.length));
    await using kept = await here.kept.bundle(OF);
    expect(bytes.equals(await collect(kept?.chunks ?? pieces(Buffer.alloc(0))))).toBe(true);

    const conversation = await fetch(server.url(`/runs/${RUN}/conversation.jsonl`));
    expect(await conversation.text()).toBe('{"type":"user"}\n');
    expect(server.errors).toEqual([]);
    expect(await readdir(here.folder.join("data", "kept"))).toEqual([RUN]);
  });

  it("are the whole outputs of checks, as plain text", async () => {
    await using here = await keptPlace();
    await using server = await serve(asDownloads(here.kept));
    const text = `${"ä line\n".repeat(50_000)}<script>`;
    await here.kept.keepOutput(RUN, { name: "1-2-3", chunks: pieces(Buffer.from(text)) }, signal);
    const answer = await fetch(server.url(`/runs/${RUN}/checks/1-2-3.txt`));
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": "text/plain; charset=utf-8",
      "content-disposition": `attachment; filename="${RUN}-check-1-2-3.txt"`,
      "content-length": String(Buffer.byteLength(text)),
      "cache-control": "no-store",
    });
    expect((await answer.text()) === text).toBe(true);

    const missing = await fetch(server.url(`/runs/${RUN}/checks/1-2-4.txt`));
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ error: { code: "not_found", message: expect.stringContaining("is kept") } });
    for (const name of ["1-2.txt", "1-2-3", "1-2-x.txt", "1-2-3.txt.txt", "..%2fwork.json", `${"9".repeat(300)}-1-1.txt`])
      expect([name, (await fetch(server.url(`/runs/${RUN}/checks/${name}`))).status]).toEqual([name, 404]);
    expect((await fetch(server.url("/runs/run_9999999999/checks/1-2-3.txt"))).status).toBe(404);
    expect(server.errors).toEqual([]);
  });

  it("are the files of the work, each as bytes to be saved, or a picture to be shown", async () => {
    await using here = await keptPlace();
    await using trees = createKeptTrees({ work: here.kept, dataDir: here.dataDir });
    const files: Pick<Files, "open"> = {
      open: ({ path }) => trees.open(OF, namesOfPath(path) ?? []),
    };
    await using server = await serve(asDownloads(here.kept), files);
    const page = "<script>alert(1)</script>";
    for (const name of ["page.html", "picture.svg", 'a "b"\n\u00e4%.png']) await writeFile(here.file(name), page);
    await here.keep();
    const ask = (path: string, more = "") => fetch(server.url(`/runs/${RUN}/file?path=${encodeURIComponent(path)}${more}`));
    for (const more of ["", "&as=image"]) {
      for (const name of ["page.html", "picture.svg"]) {
        const answer = await ask(name, more);
        expect(Object.fromEntries(answer.headers)).toMatchObject({
          "content-type": "application/octet-stream",
          "content-disposition": `attachment; filename="${name}"; filename*=UTF-8''${name}`,
          "content-length": String(page.length),
        });
        expect(await answer.text()).toBe(page);
      }
    }
    const odd = await ask('a "b"%0A\u00e4%25.png', "&as=image");
    expect(odd.headers.get("content-type")).toBe("image/png");
    expect(odd.headers.get("content-disposition")).toBe(
      `attachment; filename="a__b__0A__25.png"; filename*=UTF-8''a%20%22b%22%250A%C3%A4%25.png`,
    );
    expect((await ask("nothing")).status).toBe(404);
    for (const path of ["../etc/passwd", ".git/config", "", "a/"])
      expect([path, (await ask(path)).status]).not.toEqual([path, 200]);
    expect((await fetch(server.url(`/runs/${RUN}/file`))).status).toBe(400);
    expect(server.errors).toEqual([]);
  });

  it("are not found while nothing is kept, and say so", async () => {
    await using here = await keptPlace();
    await using server = await serve(asDownloads(here.kept));
    for (const name of ["work.patch", "work.bundle", "conversation.jsonl"]) {
      const answer = await fetch(server.url(`/runs/${RUN}/${name}`));
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ error: { code: "not_found", message: expect.stringContaining("kept yet") } });
    }
    for (const path of [
      "/runs/run_9999999999/work.patch",
      "/runs/nonsense/work.patch",
      "/runs/..%2f..%2fetc/work.patch",
      `/runs/${RUN}/work.json`,
      `/runs/${RUN}/..%2f..%2ftoken`,
    ]) {
      expect((await fetch(server.url(path))).status).toBe(404);
    }
  });

  it("leave nothing open when only their headers are asked for", async () => {
    await using here = await keptPlace();
    await using server = await serve(asDownloads(here.kept));
    await here.keep();
    await here.kept.keepOutput(RUN, { name: "1-1-1", chunks: pieces(Buffer.from("printed")) }, signal);
    const files = async () => (await readdir("/proc/self/fd")).length;
    const before = await files();
    for (let turn = 0; turn < 20; turn++) {
      for (const name of ["work.patch", "work.bundle", "checks/1-1-1.txt"]) {
        const answer = await fetch(server.url(`/runs/${RUN}/${name}`), { method: "HEAD" });
        expect(answer.status).toBe(200);
        expect(await answer.text()).toBe("");
      }
    }
    expect(await readdir(here.folder.join("data", "kept"))).toEqual([RUN]);
    expect(await files()).toBeLessThan(before + 20);
  });

  /** Something that never ends, and counts what is taken of it. */
  const endless = () => {
    const seen = { pieces: 0, disposed: 0 };
    const download: Download = {
      bytes: null,
      chunks: (async function* () {
        for (;;) {
          seen.pieces++;
          yield Buffer.alloc(64 * 1024);
        }
      })(),
      [Symbol.asyncDispose]: async () => {
        seen.disposed++;
      },
    };
    const give = async () => download;
    return { seen, downloads: { patch: give, bundle: give, conversation: give, checkOutput: give, transcript: give } };
  };

  it("come at the reader's pace, and are let go when the reader leaves", async () => {
    const { seen, downloads } = endless();
    await using server = await serve(downloads);
    const request = get(server.url(`/runs/${RUN}/work.patch`));
    request.on("error", () => {});
    const [response]: IncomingMessage[] = await once(request, "response");
    response?.pause();
    // It stops by itself when nobody reads: as soon as it did not grow for a while, it is what the sockets hold.
    let last = -1;
    await waitFor(
      () => {
        const still = seen.pieces === last && seen.pieces > 0;
        last = seen.pieces;
        return still;
      },
      { intervalMs: 200 },
    );
    expect(seen.pieces).toBeLessThan(1_000);
    request.destroy();
    await waitFor(() => seen.disposed === 1);
  });

  it("break off, and do not seem whole, when reading them fails", async () => {
    const fails = async (): Promise<Download> => ({
      bytes: null,
      chunks: (async function* () {
        yield Buffer.from("the first part\n");
        throw new Error("the disk is gone");
      })(),
      [Symbol.asyncDispose]: async () => {},
    });
    await using server = await serve({ patch: fails, bundle: fails, conversation: fails, checkOutput: fails, transcript: fails });
    const answer = await fetch(server.url(`/runs/${RUN}/work.patch`));
    await expect(answer.text()).rejects.toThrow();
  });
});
