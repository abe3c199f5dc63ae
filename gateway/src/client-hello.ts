/** What the first bytes of a connection are, as far as they have come. */
export type Hello =
  | { status: "incomplete" }
  | { status: "not_tls" }
  | { status: "malformed" }
  | { status: "hello"; serverName: string | null };

/** A ClientHello with post-quantum keys and session tickets stays under 4 KB; a client has no reason to send more than this. */
export const MAX_CLIENT_HELLO_BYTES = 16 * 1024;

const HANDSHAKE_RECORD = 0x16;
const CLIENT_HELLO = 0x01;
const SERVER_NAME_EXTENSION = 0;
const HOST_NAME = 0;

const MALFORMED: Hello = { status: "malformed" };

/** Joins the handshake bytes of the TLS records that have come; null when a record is not a well-formed handshake record. */
const joinRecords = (bytes: Buffer): Buffer | null => {
  const fragments: Buffer[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (bytes[offset] !== HANDSHAKE_RECORD) return null;
    if (offset + 1 < bytes.length && bytes[offset + 1] !== 3) return null;
    if (offset + 5 > bytes.length) break;
    const length = bytes.readUInt16BE(offset + 3);
    if (length === 0) return null;
    fragments.push(bytes.subarray(offset + 5, offset + 5 + length));
    offset += 5 + length;
  }
  return Buffer.concat(fragments);
};

/** Reads fields one after another; each read throws a RangeError past the end. */
const fieldsOf = (bytes: Buffer) => {
  let offset = 0;
  const take = (length: number): Buffer => {
    if (offset + length > bytes.length) throw new RangeError("past the end");
    const field = bytes.subarray(offset, offset + length);
    offset += length;
    return field;
  };
  return {
    take,
    number: (size: 1 | 2) => take(size).readUIntBE(0, size),
    /** A field with its length before it. */
    vector: (lengthSize: 1 | 2) => take(take(lengthSize).readUIntBE(0, lengthSize)),
    isAtEnd: () => offset === bytes.length,
  };
};

const readServerName = (extension: Buffer): string => {
  const names = fieldsOf(fieldsOf(extension).vector(2));
  if (names.number(1) !== HOST_NAME) throw new RangeError("not a host name");
  const name = names.vector(2).toString("latin1");
  if (!names.isAtEnd() || !/^[\x21-\x7e]+$/.test(name)) throw new RangeError("not one host name");
  return name;
};

const readClientHello = (body: Buffer): string | null => {
  const hello = fieldsOf(body);
  hello.take(2 + 32); // legacy version, random
  hello.vector(1); // legacy session id
  hello.vector(2); // cipher suites
  hello.vector(1); // compression methods
  if (hello.isAtEnd()) return null;
  const extensions = fieldsOf(hello.vector(2));
  if (!hello.isAtEnd()) throw new RangeError("bytes after the extensions");
  let serverName: string | null = null;
  while (!extensions.isAtEnd()) {
    const type = extensions.number(2);
    const content = extensions.vector(2);
    if (type !== SERVER_NAME_EXTENSION) continue;
    // Two names would let the server and this check read different ones.
    if (serverName !== null) throw new RangeError("two server names");
    serverName = readServerName(content);
  }
  return serverName;
};

/**
 * Reads the server name (SNI) out of the first bytes that a client sent. Pure and bounded; anything ambiguous is malformed.
 * The name inside an Encrypted ClientHello stays unseen: the outer name is what is read.
 */
export const inspectClientHello = (bytes: Buffer): Hello => {
  if (bytes.length === 0) return { status: "incomplete" };
  if (bytes[0] !== HANDSHAKE_RECORD || (bytes.length > 1 && bytes[1] !== 3)) return { status: "not_tls" };
  const handshake = joinRecords(bytes);
  if (handshake === null || (handshake.length > 0 && handshake[0] !== CLIENT_HELLO)) return MALFORMED;
  const length = handshake.length < 4 ? null : handshake.readUIntBE(1, 3);
  if (length !== null && length > MAX_CLIENT_HELLO_BYTES) return MALFORMED;
  if (length === null || handshake.length < 4 + length) {
    return bytes.length > MAX_CLIENT_HELLO_BYTES ? MALFORMED : { status: "incomplete" };
  }
  try {
    return { status: "hello", serverName: readClientHello(handshake.subarray(4, 4 + length)) };
  } catch {
    return MALFORMED;
  }
};
