/*
 * A filter over system calls, as the kernel's own small programs (classic BPF; see seccomp(2)). It takes away what an agent has no use
 * for and what kernel holes are mostly reached through: nested user namespaces, mounting, keyrings, BPF, io_uring. Docker's default
 * profile does the same for the other driver.
 */

const LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_IF_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_IF_AT_LEAST = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const JUMP_IF_SET = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K

const ALLOW = 0x7fff0000;
const REFUSE = 0x00050001; // errno EPERM
const UNKNOWN = 0x00050026; // errno ENOSYS: callers fall back to an older call

// Offsets in struct seccomp_data; arguments are 64 bits wide, of which the low half counts here.
const NUMBER = 0;
const ARCHITECTURE = 4;
const FIRST_ARGUMENT = 16;
const SECOND_ARGUMENT = 24;

const CLONE_NEWUSER = 0x10000000;
const TIOCSTI = 0x5412; // types into a terminal
const TIOCLINUX = 0x541c;

type Calls = {
  audit: number;
  clone: number;
  unshare: number;
  ioctl: number;
  refused: readonly number[];
};

// The same numbers on every architecture: open_tree … fspick, mount_setattr; and clone3, io_uring_setup, _enter, _register.
const REFUSED_EVERYWHERE = [428, 429, 430, 431, 432, 433, 442] as const;
const UNKNOWN_EVERYWHERE = [425, 426, 427, 435] as const;

const CALLS: Partial<Record<NodeJS.Architecture, Calls>> = {
  x64: {
    audit: 0xc000003e,
    clone: 56,
    unshare: 272,
    ioctl: 16,
    // pivot_root, mount, umount2, kexec_load, add_key, request_key, keyctl, perf_event_open, open_by_handle_at, setns, bpf, userfaultfd
    refused: [155, 165, 166, 246, 248, 249, 250, 298, 304, 308, 321, 323],
  },
  arm64: {
    audit: 0xc00000b7,
    clone: 220,
    unshare: 97,
    ioctl: 29,
    // umount2, mount, pivot_root, kexec_load, add_key, request_key, keyctl, perf_event_open, open_by_handle_at, setns, bpf, userfaultfd
    refused: [39, 40, 41, 104, 217, 218, 219, 241, 265, 268, 280, 282],
  },
};

// The first number of the x32 calls, a second table on x64 that nothing uses.
const X32_FIRST = 0x40000000;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

const answer = (value: number): Instruction => [RETURN, 0, 0, value];
const load = (offset: number): Instruction => [LOAD_WORD, 0, 0, offset];
const answerFor = (number: number, value: number): Instruction[] => [[JUMP_IF_EQUAL, 0, 1, number], answer(value)];

const withoutNewUser = (number: number): Instruction[] => [
  [JUMP_IF_EQUAL, 0, 4, number],
  load(FIRST_ARGUMENT),
  [JUMP_IF_SET, 0, 1, CLONE_NEWUSER],
  answer(REFUSE),
  answer(ALLOW),
];

const withoutTyping = (number: number): Instruction[] => [
  [JUMP_IF_EQUAL, 0, 5, number],
  load(SECOND_ARGUMENT),
  [JUMP_IF_EQUAL, 1, 0, TIOCSTI],
  [JUMP_IF_EQUAL, 0, 1, TIOCLINUX],
  answer(REFUSE),
  answer(ALLOW),
];

/** The filter for an architecture, as `bwrap --seccomp` reads it; null where there is none. Pure. */
export const seccompFilter = (architecture: NodeJS.Architecture): Buffer | null => {
  const calls = CALLS[architecture];
  if (calls === undefined) return null;
  const program: Instruction[] = [
    load(ARCHITECTURE),
    [JUMP_IF_EQUAL, 1, 0, calls.audit],
    answer(UNKNOWN),
    load(NUMBER),
    [JUMP_IF_AT_LEAST, 0, 1, X32_FIRST],
    answer(UNKNOWN),
    ...UNKNOWN_EVERYWHERE.flatMap((number) => answerFor(number, UNKNOWN)),
    ...[...REFUSED_EVERYWHERE, ...calls.refused].flatMap((number) => answerFor(number, REFUSE)),
    ...withoutNewUser(calls.clone),
    ...withoutNewUser(calls.unshare),
    ...withoutTyping(calls.ioctl),
    answer(ALLOW),
  ];
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, [code, ifTrue, ifFalse, value]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(value, index * 8 + 4);
  }
  return bytes;
};
