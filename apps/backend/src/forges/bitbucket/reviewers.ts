import { z } from "zod";
import { Account, type BitbucketClient, withQuery } from "./client.ts";

const Membership = z.object({ user: Account.nullish() });

/** The `{uuid}` of somebody in a workspace, by that, by nickname, name or account id; null when there is nobody of that name. */
export const findReviewer = async (
  client: BitbucketClient,
  { workspace, name }: { workspace: string; name: string },
  signal: AbortSignal,
): Promise<string | null> => {
  if (/^\{[0-9a-f-]{36}\}$/i.test(name)) return name;
  const first = client
    .bind(signal)
    .GET("/workspaces/{workspace}/members", { params: { path: { workspace } }, ...withQuery({ pagelen: "100" }) });
  const members = await client.readPages(first, Membership, signal);
  const found = members.find(({ user }) => [user?.nickname, user?.display_name, user?.account_id].includes(name));
  return found?.user?.uuid ?? null;
};
