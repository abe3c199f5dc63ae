/** The numbers that keep one sandbox from exhausting the gateway; tests give smaller ones. */
export type Limits = {
  /** Requests and tunnels of one run under way at once. An agent with parallel package downloads stays well under a hundred. */
  exchanges: number;
  /** Connections of one run, idle ones included; above it the kernel's accept is followed by a close. */
  connections: number;
  /** Refusals that get a record of their own within a minute; the rest share one summary record. */
  refusalsPerMinute: number;
  /** Requests taken within a minute, so that records of allowed requests cannot fill the disk either. */
  requestsPerMinute: number;
  /** How long an answer to a sandbox that is over a limit is held back, so that a flood costs the flooder and nobody else. */
  floodDelayMs: number;
  /** Bytes of one request to the model; the API itself takes 32 MB. */
  modelBodyBytes: number;
  /** Time for a client to send a request's headers. */
  requestHeadersMs: number;
  /** Time for a client to send a whole request. */
  requestMs: number;
  resolveMs: number;
  connectMs: number;
  /** Time until the model's answer begins; a long answer without streaming takes minutes. */
  modelHeadersMs: number;
  /** Longest silence within the model's answer; the API sends a ping every few seconds. */
  modelIdleMs: number;
  /** Time for a client to send its TLS ClientHello after CONNECT to a TLS-only port was answered. */
  clientHelloMs: number;
  /** Ports through which nothing but TLS is let. */
  tlsOnlyPorts: readonly number[];
  /** Longest silence of a tunnel or a plain proxied exchange. */
  idleMs: number;
  /** Longest life of a tunnel. */
  tunnelMs: number;
};

export const DEFAULT_LIMITS: Limits = {
  exchanges: 256,
  connections: 512,
  refusalsPerMinute: 1000,
  requestsPerMinute: 6000,
  floodDelayMs: 250,
  modelBodyBytes: 64 * 1024 * 1024,
  requestHeadersMs: 15_000,
  requestMs: 600_000,
  resolveMs: 10_000,
  connectMs: 10_000,
  modelHeadersMs: 900_000,
  modelIdleMs: 300_000,
  clientHelloMs: 15_000,
  tlsOnlyPorts: [443],
  idleMs: 600_000,
  tunnelMs: 12 * 3_600_000,
};
