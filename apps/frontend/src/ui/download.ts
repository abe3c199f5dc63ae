/** Has the browser save what is at an address of this server, under the name that it gives. */
export const downloadFrom = (href: string): void => {
  const link = document.createElement("a");
  link.href = href;
  link.download = "";
  link.click();
};

/** Hands a text to the browser as a file to save. */
export const downloadText = (name: string, text: string, type: string): void => {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The download has its own reference to the blob once the click was handled.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
};
