import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { onWake } from "./waking.ts";

const page = { hidden: false };
let document_: EventTarget;
let window_: EventTarget;

beforeEach(() => {
  vi.useFakeTimers({ now: 1000 });
  page.hidden = false;
  document_ = Object.defineProperty(new EventTarget(), "hidden", { get: () => page.hidden });
  window_ = new EventTarget();
  vi.stubGlobal("document", document_);
  vi.stubGlobal("addEventListener", window_.addEventListener.bind(window_));
  vi.stubGlobal("removeEventListener", window_.removeEventListener.bind(window_));
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const hide = (hidden: boolean): void => {
  page.hidden = hidden;
  document_.dispatchEvent(new Event("visibilitychange"));
};

test("a tab that was out of sight for a moment did not sleep, one that was for long may have", () => {
  const wake = vi.fn();
  onWake(wake);
  hide(true);
  vi.advanceTimersByTime(20_000);
  hide(false);
  expect(wake).not.toHaveBeenCalled();
  hide(true);
  vi.advanceTimersByTime(31_000);
  hide(false);
  vi.advanceTimersByTime(60_000);
  expect(wake).toHaveBeenCalledTimes(1);
});

test("a machine that slept is told by its clock, unless the tab is out of sight, where timers are slow", () => {
  const wake = vi.fn();
  onWake(wake);
  vi.advanceTimersByTime(60_000);
  expect(wake).not.toHaveBeenCalled();
  vi.setSystemTime(Date.now() + 3600_000);
  vi.advanceTimersByTime(5000);
  expect(wake).toHaveBeenCalledTimes(1);
  hide(true);
  vi.setSystemTime(Date.now() + 3600_000);
  vi.advanceTimersByTime(5000);
  expect(wake).toHaveBeenCalledTimes(1);
  hide(false);
  expect(wake).toHaveBeenCalledTimes(2);
});

test("a network that comes back and a tab that is resumed wake at once, until nobody listens", () => {
  const wake = vi.fn();
  const stop = onWake(wake);
  window_.dispatchEvent(new Event("online"));
  document_.dispatchEvent(new Event("resume"));
  expect(wake).toHaveBeenCalledTimes(2);
  stop();
  window_.dispatchEvent(new Event("online"));
  vi.setSystemTime(Date.now() + 3600_000);
  vi.advanceTimersByTime(5000);
  expect(wake).toHaveBeenCalledTimes(2);
});
