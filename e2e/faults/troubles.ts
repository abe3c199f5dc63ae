/** What is being done to the stack, for those who judge how it stands still. */
export interface Troubles {
  /** When something was last done, or was last over, by `performance.now()`. */
  lastAt(): number;
  /** Whether nothing is being done that lasts. */
  areOver(): boolean;
  /** Something was done that is over at once. */
  note(): void;
  /** Something is done for as long as this takes. */
  during<Result>(act: () => Promise<Result>): Promise<Result>;
}

/** Makes the account of one trial; nothing has been done yet. */
export const keepTroubles = (): Troubles => {
  let lastAt = performance.now();
  let going = 0;
  const note = (): void => {
    lastAt = performance.now();
  };
  return {
    lastAt: () => lastAt,
    areOver: () => going === 0,
    note,
    during: async (act) => {
      note();
      going++;
      try {
        return await act();
      } finally {
        going--;
        note();
      }
    },
  };
};
