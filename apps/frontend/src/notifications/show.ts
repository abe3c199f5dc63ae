/*
 * Browsers on phones show what a worker of the page shows, and throw when the page itself does; those that keep no worker, as in some private windows,
 * show what the page does. See public/notifications-worker.js.
 */

const WORKER = "/notifications-worker.js";

/** What is shown; one with the same `tag` takes the place of the other. `path`: where a click leads. */
export type Shown = { title: string; body: string; tag: string; path: string };

/** What the worker tells a tab when a notification was clicked. */
const pathIn = (data: unknown): string | null => {
  if (typeof data !== "object" || data === null || !("kind" in data) || data.kind !== "ccr.open") return null;
  return "path" in data && typeof data.path === "string" ? data.path : null;
};

/** Calls `open` with the path of each notification of the worker that is clicked. Ends with the result. */
export const onClicked = (open: (path: string) => void): (() => void) => {
  const heard = ({ data }: MessageEvent<unknown>): void => {
    const path = pathIn(data);
    if (path !== null) open(path);
  };
  const { serviceWorker } = navigator;
  serviceWorker?.addEventListener("message", heard);
  return () => serviceWorker?.removeEventListener("message", heard);
};

/** Until the worker works; one that cannot be installed is an error. */
const active = async (registration: ServiceWorkerRegistration): Promise<void> => {
  const coming = registration.installing ?? registration.waiting;
  if (registration.active !== null || coming === null) return;
  await new Promise<void>((resolve, reject) => {
    coming.addEventListener("statechange", () => {
      if (coming.state === "activated") resolve();
      if (coming.state === "redundant") reject(new Error("the worker could not be installed"));
    });
  });
};

/** Shows one, by the worker or else by the page, where a click calls `open`. Rejects with a sentence for people when neither can. */
export const showNotification = async ({ title, body, tag, path }: Shown, open: (path: string) => void): Promise<void> => {
  const options = { body, tag, icon: "/icon.svg", data: { path } };
  try {
    // The same one each time, which is asked for once.
    const registration = await navigator.serviceWorker.register(WORKER);
    await active(registration);
    return await registration.showNotification(title, options);
  } catch {
    // The page may still be able to.
  }
  try {
    const shown = new Notification(title, options);
    shown.onclick = () => {
      window.focus();
      open(path);
      shown.close();
    };
    await new Promise((resolve, reject) => {
      shown.onshow = resolve;
      shown.onerror = reject;
    });
  } catch (error) {
    throw new Error("This browser did not show a notification. See whether it, and the system, may show those of this page.", {
      cause: error,
    });
  }
};
