import { z } from "zod";

export type DatabaseAddress = { kind: "sqlite"; path: string } | { kind: "postgres" /** Holds the password. */; url: string };

/** Reads a URL that may leave its host out after a user (`postgres://user@/name?host=/var/run/postgresql`), which URLs may not. */
const readUrl = (text: string): URL | null => URL.parse(text) ?? URL.parse(text.replace("@/", "@localhost/"));

/** A character that ends a part of a URL, written as it is in a password, makes the rest of the password look like a host or a name. */
const isCutInPassword = (url: URL): boolean => url.hash !== "" || url.pathname.includes("@") || url.search.includes("@");

// None of these sentences may hold the value: there is a password in it.
/** Reads `DATABASE_URL`. */
export const databaseUrl = z.string().transform((text, ctx): DatabaseAddress => {
  const refuse = (message: string) => {
    ctx.addIssue({ code: "custom", message });
    return z.NEVER;
  };
  if (/^sqlite:\/./.test(text)) return { kind: "sqlite", path: text.replace(/^sqlite:(\/\/(?=\/))?/, "") };
  if (!/^postgres(ql)?:\/\//.test(text))
    return refuse("must be sqlite:/absolute/path or postgres://user:password@host:port/database");
  const url = readUrl(text);
  if (url === null || isCutInPassword(url))
    return refuse(
      "is not a URL: give postgres://user:password@host:port/database, with special characters of the password as %40 for @, %2F for / and so on",
    );
  return { kind: "postgres", url: text };
});

/** The password in a URL: as it stands there, and as it is meant. */
export const passwordsOf = (url: string | undefined): string[] => {
  const parsed = url === undefined ? null : readUrl(url);
  if (parsed === null) return [];
  const { password, searchParams } = parsed;
  // PostgreSQL takes it as a parameter too.
  const written = [password, searchParams.get("password") ?? ""].filter((value) => value !== "");
  return written.flatMap((value) => {
    try {
      return [value, decodeURIComponent(value)];
    } catch {
      return [value]; // a percent sign that means itself
    }
  });
};
