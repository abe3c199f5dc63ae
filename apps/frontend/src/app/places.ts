import { Box, House, Layers, ListChecks, type LucideIcon, Package, Play, Settings } from "lucide-react";

export type Place = {
  to: "/" | "/tasks" | "/runs" | "/batches" | "/environments" | "/instances" | "/settings";
  label: string;
  icon: LucideIcon;
  /** With `g` before it, the key that leads there. */
  key: string;
};

/** Where one can go from everywhere, what is needed most first. */
export const PLACES: readonly Place[] = [
  { to: "/", label: "Home", icon: House, key: "h" },
  { to: "/tasks", label: "Tasks", icon: ListChecks, key: "t" },
  { to: "/runs", label: "Runs", icon: Play, key: "r" },
  { to: "/batches", label: "Batches", icon: Layers, key: "b" },
  { to: "/environments", label: "Environments", icon: Package, key: "e" },
  { to: "/instances", label: "Instances", icon: Box, key: "i" },
  { to: "/settings", label: "Settings", icon: Settings, key: "s" },
];

/** So many of them stand side by side on the smallest screen; the others are one step further. */
export const FIRST_PLACES = 4;

/** Pages whose content is a list to go through by keyboard. */
const LISTS: readonly string[] = ["/", "/tasks", "/runs", "/batches", "/environments", "/instances"];

export const isList = (path: string): boolean => LISTS.includes(path);
