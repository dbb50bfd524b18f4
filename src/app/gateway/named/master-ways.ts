/** The masters of the cluster as ways to their pipelines: over links, whoever answered last first. */
import type { Membership } from "../../../cluster/membership/index.ts";
import type { LinkPool } from "../../../wire/link/index.ts";
import type { PostAnswer } from "../../../work/pipeline/source/index.ts";
import { MASTER_ROLE } from "../../master/master-duty.ts";
import { type PipelinePost, POST_TOPIC } from "../../master/posts.ts";
import type { PostWay } from "./pipeline-target.ts";

export interface MastersCluster {
  readonly membership: Pick<Membership, "members">;
  readonly links: Pick<LinkPool, "byId" | "get">;
}

type Member = ReturnType<Membership["members"]>[number];

export function masterWays(cluster: () => MastersCluster | undefined): () => readonly PostWay[] {
  let answeredLast: string | undefined;
  const rank = ({ id, state }: Member): number => (id === answeredLast ? 0 : state === "alive" ? 1 : 2);
  const wayTo = (member: Member, links: MastersCluster["links"]): PostWay => ({
    id: member.id,
    async post(post, how) {
      const answer = await posted(links, member, post, how);
      answeredLast = member.id;
      return answer;
    },
  });
  return () => {
    const { links, membership } = cluster() ?? {};
    if (!links || !membership) return [];
    return membership
      .members()
      .filter(({ meta, state }) => meta.roles.includes(MASTER_ROLE) && (state === "alive" || state === "suspect"))
      .toSorted((left, right) => rank(left) - rank(right))
      .map((member) => wayTo(member, links));
  };
}

async function posted(
  links: MastersCluster["links"],
  { address, id }: Member,
  post: PipelinePost,
  how: Parameters<PostWay["post"]>[1],
): Promise<PostAnswer> {
  const open = links.byId(id);
  const link = open?.isOpen ? open : await links.get(address, { id, signal: how.signal });
  const { traceparent, ...told } = post;
  return (await link.request(POST_TOPIC, told, { ...how, traceparent })) as PostAnswer; // a master of this cluster says so
}
