/** One line of a value that is drawn as a tree. */
export type TreeRow = { depth: number; key: string | null; text: string; kind: "text" | "number" | "word" | "none" | "group" };

/** A tree of more lines is drawn as JSON, folded. */
const ROWS_MAX = 200;
const DEPTH_MAX = 12;

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const leaf = (value: unknown): Pick<TreeRow, "text" | "kind"> => {
  if (typeof value === "string") return value === "" ? { text: "empty text", kind: "none" } : { text: value, kind: "text" };
  if (typeof value === "number") return { text: String(value), kind: "number" };
  if (isObject(value)) return { text: Array.isArray(value) ? "empty list" : "nothing", kind: "none" };
  return value === null || value === undefined ? { text: "none", kind: "none" } : { text: String(value), kind: "word" };
};

const isSmall = (value: unknown): boolean => !isObject(value) && (typeof value !== "string" || !value.includes("\n"));

/** The lines of a value, what is inside of a thing one step deeper; null when it is too large to be read as a tree. Pure. */
export const treeRows = (value: unknown): readonly TreeRow[] | null => {
  const rows: TreeRow[] = [];
  const add = (inner: unknown, key: string | null, depth: number): boolean => {
    if (rows.length >= ROWS_MAX || depth > DEPTH_MAX) return false;
    const parts = isObject(inner) ? Object.entries(inner) : [];
    if (parts.length === 0) {
      rows.push({ depth, key, ...leaf(inner) });
      return true;
    }
    const isList = Array.isArray(inner);
    if (isList && parts.every(([, each]) => isSmall(each)) && JSON.stringify(inner).length <= 80) {
      rows.push({ depth, key, text: parts.map(([, each]) => leaf(each).text).join(", "), kind: "text" });
      return true;
    }
    if (key !== null)
      rows.push({ depth, key, text: isList ? `${parts.length} ${parts.length === 1 ? "item" : "items"}` : "", kind: "group" });
    const next = key === null ? depth : depth + 1;
    return parts.every(([name, each], index) => add(each, isList ? String(index + 1) : name, next));
  };
  return add(value, null, 0) ? rows : null;
};
