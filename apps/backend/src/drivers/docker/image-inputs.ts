import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { CcrError } from "@ccr/protocol";

export type ContextFile = { name: string; content: Buffer };

/** Everything that an image is made from. */
export type ImageInputs = {
  /** The name of the file among `files` that says how. */
  dockerfile: string;
  files: ContextFile[];
  /** Build arguments that change what comes out. */
  buildArguments: Record<string, string>;
};

export type ImageOptions = {
  /** The checkout that this server runs from. */
  projectRoot: string;
  /** The image that the executor image is built on; the Dockerfile's own default when left out. */
  baseImage?: string | undefined;
  /** A PEM file, or a folder of such, with certificate authorities that the image shall trust. */
  extraCaCertificates?: string | undefined;
  /** The npm registry to install from; npm's own default when left out. */
  npmRegistry?: string | undefined;
  /** The user whom sandboxes run as, for whom the executor is compiled; the Dockerfile's own default when left out. */
  sandboxUid?: number | undefined;
};

export const DOCKERFILE = "executor/image/Dockerfile";
export const DERIVED_DOCKERFILE = "executor/image/Dockerfile.derived";

const FILES = [
  DOCKERFILE,
  ".npmrc",
  "package.json",
  "package-lock.json",
  "apps/backend/package.json",
  "apps/frontend/package.json",
  "e2e/package.json",
  "executor/package.json",
  "gateway/package.json",
  "packages/protocol/package.json",
  "packages/scripted-model/package.json",
  "packages/testkit/package.json",
] as const;

const SOURCE_FOLDERS = ["executor/src", "packages/protocol/src"] as const;

const CERTIFICATES = "executor/image/certificates";

// Raised when images are built in another way from the same inputs.
const FORMAT_VERSION = 1;

/** Reads what the image is made from, once: what is hashed is what is built. Tests are no part of it. */
export const readImageInputs = async (options: ImageOptions): Promise<ImageInputs> => {
  const sources = (await Promise.all(SOURCE_FOLDERS.map((folder) => listFiles(options.projectRoot, folder)))).flat();
  const names = [...FILES, ...sources].sort();
  const files = await Promise.all(
    names.map(async (name) => ({ name, content: await readFile(join(options.projectRoot, name)) })),
  );
  return {
    dockerfile: DOCKERFILE,
    files: [...files, ...(await certificateFiles(options))],
    buildArguments: {
      ...(options.baseImage === undefined ? {} : { BASE_IMAGE: options.baseImage }),
      ...(options.npmRegistry === undefined ? {} : { NPM_CONFIG_REGISTRY: options.npmRegistry }),
      ...(options.sandboxUid === undefined ? {} : { SANDBOX_UID: String(options.sandboxUid) }),
    },
  };
};

/** The same for an image that somebody named, with what the executor image has put beside it. */
export const readDerivedInputs = async (
  options: ImageOptions,
  from: { executorImage: string; baseImage: string },
): Promise<ImageInputs> => ({
  dockerfile: DERIVED_DOCKERFILE,
  files: [
    { name: DERIVED_DOCKERFILE, content: await readFile(join(options.projectRoot, DERIVED_DOCKERFILE)) },
    ...(await certificateFiles(options)),
  ],
  buildArguments: { EXECUTOR_IMAGE: from.executorImage, BASE_IMAGE: from.baseImage },
});

/** What is in the folder of certificates, which has to be in the context even when there is nothing to add. */
const certificateFiles = async (options: ImageOptions): Promise<ContextFile[]> => {
  const certificates = options.extraCaCertificates === undefined ? [] : await readCertificates(options.extraCaCertificates);
  return [
    { name: `${CERTIFICATES}/README.md`, content: Buffer.from("Extra certificate authorities.\n") },
    ...certificates.map((certificate, index) => ({
      name: `${CERTIFICATES}/extra-${String(index).padStart(4, "0")}.crt`,
      content: Buffer.from(certificate),
    })),
  ];
};

/** A short name for a set of inputs: the same for the same bytes, in whatever order they were read. Pure. */
export const hashImageInputs = ({ files, buildArguments }: Pick<ImageInputs, "files" | "buildArguments">): string => {
  const hash = createHash("sha256");
  const add = (part: string | Buffer) => hash.update(`${Buffer.byteLength(part)}:`).update(part);
  add(`format ${FORMAT_VERSION}`);
  const parts = [...Object.entries(buildArguments).map(([name, value]) => ({ name, content: Buffer.from(value) })), ...files];
  for (const part of parts.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    add(part.name);
    add(part.content);
  }
  return hash.digest("hex").slice(0, 12);
};

const listFiles = async (root: string, folder: string): Promise<string[]> => {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.includes(".test."))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
};

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The certificates in PEM text, each once, in the order in which they stand there. Pure. */
export const splitCertificates = (text: string): string[] => [
  ...new Set([...text.matchAll(CERTIFICATE)].map(([certificate]) => `${certificate.replaceAll("\r\n", "\n")}\n`)),
];

const readCertificates = async (path: string): Promise<string[]> => {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new CcrError("bad_request", `CCR_EXTRA_CA_CERTS names ${path}, which is not there.`);
  const paths = found.isDirectory() ? (await readdir(path)).sort().map((name) => join(path, name)) : [path];
  const texts = await Promise.all(paths.map((file) => readFile(file, "latin1").catch(() => "")));
  const certificates = splitCertificates(texts.join("\n"));
  if (certificates.length > 0) return certificates;
  throw new CcrError(
    "bad_request",
    `CCR_EXTRA_CA_CERTS names ${path}, in which there is no certificate in PEM form that can be read.`,
  );
};
