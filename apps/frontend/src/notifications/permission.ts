import { useSyncExternalStore } from "react";

/** Whether this page may tell something outside of it. `none`: the browser has no such thing here. */
export type Permission = "granted" | "denied" | "default" | "none";

const CHANGED = "ccr:permission";

const read = (): Permission => ("Notification" in window && window.isSecureContext ? Notification.permission : "none");

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
