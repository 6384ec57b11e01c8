import type { CredentialRule } from "../policy/proxy-types.ts";

const shared = {
  secret: "github",
  placeholder: "clauderon-github-placeholder",
  credentialHeaders: ["authorization", "cookie"],
  credentialParameters: ["access_token", "token"],
} as const;

/** Downloads that GitHub redirects to, with signed URLs: nothing is injected. */
const downloads: readonly CredentialRule[] = [
  "codeload.github.com",
  "objects.githubusercontent.com",
  "release-assets.githubusercontent.com",
  "media.githubusercontent.com",
  "pkg-containers.githubusercontent.com",
].map((host) => ({
  id: `github-download-${host.split(".")[0] ?? host}`,
  description: "Downloads of GitHub, signed by their URL",
  host,
  protocol: "http",
  anonymous: "reads",
  sources: ["https://api.github.com/meta"],
}));

/** GitHub: API, git and LFS over HTTPS, uploads and raw files, all with one token. Pages of github.com that are not git's get none. */
export const githubRules: readonly CredentialRule[] = [
  {
    id: "github-api",
    description: "GitHub REST and GraphQL API, as gh uses it",
    host: "api.github.com",
    protocol: "github-api",
    inject: { kind: "header", name: "authorization", format: "Bearer {secret}" },
    anonymous: "reads",
    ...shared,
    sources: ["https://docs.github.com/en/rest/authentication/authenticating-to-the-rest-api"],
  },
  {
    id: "github-git",
    description: "Git and LFS over HTTPS at github.com",
    host: "github.com",
    paths: ["/*/*/info/refs", "/*/*/git-upload-pack", "/*/*/git-receive-pack", "/*/*/info/lfs/**"],
    protocol: "git",
    inject: { kind: "basic", username: "x-access-token" },
    anonymous: "reads",
    ...shared,
    sources: [
      "https://git-scm.com/docs/gitprotocol-http",
      "https://docs.github.com/en/get-started/git-basics/about-remote-repositories",
    ],
  },
  {
    id: "github-pages",
    description: "Everything else at github.com: release downloads, archives, pages",
    host: "github.com",
    protocol: "git",
    anonymous: "reads",
    credentialHeaders: shared.credentialHeaders,
    sources: ["https://docs.github.com/en/repositories/releasing-projects-on-github/linking-to-releases"],
  },
  {
    id: "github-uploads",
    description: "Release assets",
    host: "uploads.github.com",
    protocol: "github-api",
    inject: { kind: "header", name: "authorization", format: "Bearer {secret}" },
    ...shared,
    sources: ["https://docs.github.com/en/rest/releases/assets#upload-a-release-asset"],
  },
  {
    id: "github-raw",
    description: "Raw files",
    host: "raw.githubusercontent.com",
    protocol: "http",
    methods: ["GET", "HEAD"],
    inject: { kind: "header", name: "authorization", format: "Bearer {secret}" },
    anonymous: "reads",
    ...shared,
    sources: ["https://docs.github.com/en/repositories/working-with-files/using-files/viewing-and-understanding-files"],
  },
  {
    id: "github-lfs-storage",
    description: "Storage of LFS objects, signed by their URL",
    host: "github-cloud.s3.amazonaws.com",
    protocol: "http",
    sources: ["https://api.github.com/meta", "https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md"],
  },
  {
    id: "github-lfs-download",
    description: "Storage of LFS objects, signed by their URL",
    host: "github-cloud.githubusercontent.com",
    protocol: "http",
    anonymous: "reads",
    sources: ["https://api.github.com/meta"],
  },
  ...downloads,
];
