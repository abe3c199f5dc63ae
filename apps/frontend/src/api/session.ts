/** Whether the server still knows this browser. */
export interface Session {
  /** Called on an answer 401; idempotent. */
  expire(): void;
  isExpired(): boolean;
  subscribe(listener: () => void): () => void;
}

export const createSession = (): Session => {
  let expired = false;
  const listeners = new Set<() => void>();
  return {
    expire() {
      if (expired) return;
      expired = true;
      for (const listener of listeners) listener();
    },
    isExpired: () => expired,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};
