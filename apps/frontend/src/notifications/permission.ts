import { useSyncExternalStore } from "react";

/** Whether this page may tell something outside of it. `insecure`: not at an address like this one; `none`: this browser has no way to. */
export type Permission = "granted" | "denied" | "default" | "insecure" | "none";

const CHANGED = "ccr:permission";

let canPageShow: boolean | null = null;
/** Whether the page itself can show any, which browsers on phones leave to its worker. It is tried only where that shows none. */
const isConstructible = (): boolean => {
  if (canPageShow !== null || Notification.permission === "granted") return canPageShow ?? true;
  try {
    new Notification("");
    canPageShow = true;
  } catch {
    canPageShow = false;
  }
  return canPageShow;
};

const read = (): Permission => {
  if (!window.isSecureContext) return "insecure";
  if (!("Notification" in window)) return "none";
  return "serviceWorker" in navigator || isConstructible() ? Notification.permission : "none";
};

const subscribe = (changed: () => void): (() => void) => {
  const noted = (): void => changed();
  addEventListener(CHANGED, noted);
  addEventListener("focus", noted);
  let status: PermissionStatus | null = null;
  void navigator.permissions?.query({ name: "notifications" }).then(
    (found) => {
      status = found;
      found.addEventListener("change", noted);
    },
    () => {},
  );
  return () => {
    removeEventListener(CHANGED, noted);
    removeEventListener("focus", noted);
    status?.removeEventListener("change", noted);
  };
};

/** The permission, live. */
export const usePermission = (): Permission => useSyncExternalStore(subscribe, read);

/** Asks the browser, which asks the person; to be called on a click alone. */
export const askPermission = async (): Promise<Permission> => {
  if (read() !== "default") return read();
  await Notification.requestPermission();
  dispatchEvent(new Event(CHANGED));
  return read();
};
