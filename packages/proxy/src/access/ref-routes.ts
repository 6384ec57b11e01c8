/** One route of a vendor's API. */
export interface ApiRoute {
  readonly methods: readonly string[];
  /** Glob over the loose path, so in lower case. */
  readonly path: string;
}

/**
 * Routes of the GitHub API that move branches or tags: a session that may push one branch must not do it here.
 * Sources: docs.github.com/en/rest/git/refs, /rest/repos/contents, /rest/branches/branches, /rest/pulls/pulls#merge-a-pull-request, /rest/releases/releases.
 */
export const refRoutes: readonly ApiRoute[] = [
  { methods: ["POST", "PATCH", "DELETE", "PUT"], path: "/repos/*/*/git/refs/**" },
  { methods: ["PUT", "DELETE", "POST"], path: "/repos/*/*/contents/**" },
  { methods: ["POST"], path: "/repos/*/*/merges" },
  { methods: ["POST"], path: "/repos/*/*/merge-upstream" },
  { methods: ["POST"], path: "/repos/*/*/branches/**" },
  { methods: ["PUT", "POST"], path: "/repos/*/*/pulls/*/merge" },
  { methods: ["PUT", "POST"], path: "/repos/*/*/pulls/*/update-branch" },
  { methods: ["POST", "PATCH", "PUT", "DELETE"], path: "/repos/*/*/releases/**" },
];

/** Mutations of GitHub's GraphQL schema with the same effect (docs.github.com/en/graphql/reference/mutations). */
export const refMutations: readonly string[] = [
  "createCommitOnBranch",
  "createRef",
  "updateRef",
  "updateRefs",
  "deleteRef",
  "mergeBranch",
  "mergePullRequest",
  "enablePullRequestAutoMerge",
  "enqueuePullRequest",
  "updatePullRequestBranch",
  "revertPullRequest",
];
