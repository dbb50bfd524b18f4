/** What a route asked of upstreams beside its clients' own requests, and what of that was left out. */
import type { GroupCounts } from "../../edge/gateway/upstream/index.ts";

export type ExtraRequests = Omit<GroupCounts, "requests" | "noTarget">;

/** Undefined: there was none of it, and none was wanted. */
export function extraRequests(counts: GroupCounts | undefined): ExtraRequests | undefined {
  if (counts === undefined) return undefined;
  const { noTarget: _, requests: __, ...extra } = counts;
  return Object.values(extra).some((count) => count > 0) ? extra : undefined;
}

/** Undefined: nobody has any. */
export function allExtraRequests(routes: readonly { readonly extra?: ExtraRequests | undefined }[]): {
  readonly extra?: ExtraRequests;
} {
  const all = routes.flatMap(({ extra }) => extra ?? []);
  if (all.length === 0) return {};
  const sum = (of: keyof ExtraRequests): number => all.reduce((total, each) => total + each[of], 0);
  return {
    extra: {
      ...{ retries: sum("retries"), hedges: sum("hedges"), hedgesWon: sum("hedgesWon") },
      ...{ unbudgeted: sum("unbudgeted"), unkept: sum("unkept") },
      ...{ mirrored: sum("mirrored"), mirrorsSkipped: sum("mirrorsSkipped") },
    },
  };
}
