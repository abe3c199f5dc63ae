import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";

const GO = { h: "/", t: "/tasks", r: "/runs", b: "/batches", e: "/environments", i: "/instances", d: "/disk" } as const;
const isGoKey = (key: string): key is keyof typeof GO => Object.hasOwn(GO, key);
const WITHIN_MS = 1000;

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** `g` and then a letter goes to a page: home, tasks, runs, batches, environments, instances, disk. Not while something is typed. */
export const useGoKeys = (): void => {
  const navigate = useNavigate();
  useEffect(() => {
    let pressedAt = 0;
    const onKey = (event: KeyboardEvent): void => {
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
      if (event.key === "g") pressedAt = event.timeStamp;
      else if (isGoKey(event.key) && event.timeStamp - pressedAt < WITHIN_MS) void navigate({ to: GO[event.key] });
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [navigate]);
};
