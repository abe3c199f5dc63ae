// Shows the notifications of the page, and leads to the run of one that is clicked; see notifications/show.ts. It keeps nothing and answers no request.

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

/** Brings a tab of the page to the front, which goes there by itself and loses nothing that was typed; without any, opens one. */
const open = async (path) => {
  const { href } = new URL(path, location.origin);
  const tabs = await clients.matchAll({ type: "window", includeUncontrolled: true });
  const tab = tabs.find(({ url }) => url.split(/[?#]/)[0] === href) ?? tabs[0];
  try {
    const shown = await tab?.focus();
    if (shown !== undefined) return shown.postMessage({ kind: "ccr.open", path });
  } catch {
    // It was closed meanwhile.
  }
  await clients.openWindow(href);
};

addEventListener("notificationclick", (event) => {
  const { notification } = event;
  notification.close();
  if (typeof notification.data?.path === "string") event.waitUntil(open(notification.data.path));
});
