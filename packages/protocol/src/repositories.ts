import { z } from "zod";
import { RepositoryText } from "./checkout.ts";
import { Timestamp } from "./ids.ts";

export const REPOSITORIES_FOUND_MAX = 1000;

/** The repositories of an organisation, group, workspace or user, on a git host that the server knows. */
export const SearchRepositoriesInput = z.object({
  /** As in the addresses of its repositories; with its port where that is not the usual one. */
  host: z
    .string()
    .trim()
    .toLowerCase()
    .regex(/^([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:\d{1,5})?$/, "is not the name of a host")
    .default("github.com"),
  owner: z
    .string()
    .trim()
    .min(1, "the owner is empty: give an organisation, a group or a user")
    .max(200)
    .regex(/^[\w.~/-]+$/, "is not the name of an owner"),
  /** Only those whose names hold this. */
  query: z.string().trim().max(200).optional(),
  limit: z.number().int().min(1).max(REPOSITORIES_FOUND_MAX).default(200),
});
export type SearchRepositoriesInput = z.infer<typeof SearchRepositoriesInput>;

export const FoundRepository = z.object({
  /** Its address, as a run takes it. */
  repository: z.string(),
  /** null: it is empty, and nothing can start from it. */
  defaultBranch: z.string().nullable(),
  isArchived: z.boolean(),
});
export type FoundRepository = z.infer<typeof FoundRepository>;

export const BRANCHES_MAX = 1000;

export const ListBranchesInput = z.object({ repository: RepositoryText });
export type ListBranchesInput = z.infer<typeof ListBranchesInput>;

/** The branches of a repository as its host tells them now, by name; the default one first. */
export const RepositoryBranches = z.object({
  /** null: its HEAD leads to no branch. */
  defaultBranch: z.string().nullable(),
  branches: z.array(z.string()),
  /** There are more than `BRANCHES_MAX`, or than the answer held. */
  isWhole: z.boolean(),
});
export type RepositoryBranches = z.infer<typeof RepositoryBranches>;

/** A repository that somebody will want again; `lastUsedAt` is null for one that no run has had lately, and an environment names. */
export const KnownRepository = z.object({ repository: z.string(), lastUsedAt: Timestamp.nullable() });
export type KnownRepository = z.infer<typeof KnownRepository>;
