/** What writes, or may write, at hosts that a read-only session may read from. */
const api = "https://api.github.com";

/** Method, and path behind a repository: pushes and what looks like one. */
export const gitWrites: readonly (readonly [method: string, path: string])[] = [
  ["GET", "/info/refs?service=git-receive-pack"],
  ["GET", "/info/refs?service=GIT-RECEIVE-PACK"],
  ["GET", "/info/refs?service=Git-Receive-Pack"],
  ["GET", "/info/refs?service=git%2Dreceive%2Dpack"],
  ["GET", "/info/refs?service=git-receive%2dpack"],
  ["GET", "/info/refs?SERVICE=git-receive-pack"],
  ["GET", "/info/refs?%73ervice=git-receive-pack"],
  ["GET", "/info/refs?service=git-upload-pack&service=git-receive-pack"],
  ["GET", "/info/refs?service=git-receive-pack&service=git-upload-pack"],
  ["GET", "/info/refs?service=git-upload-pack;service=git-receive-pack"],
  ["GET", "/info/refs?a=b&service=git-receive-pack"],
  ["GET", "/info/refs?service=git-receive-pack%00"],
  ["GET", "/info/refs?service=git-upload-pack%26service=git-receive-pack"],
  ["GET", "/info/refs?service=+git-receive-pack"],
  ["GET", "/info/refs?service=git-upload-archive"],
  ["GET", "/info/refs?service="],
  ["GET", "/info/refs/?service=git-upload-pack"],
  ["GET", "/info%2Frefs?service=git-upload-pack"],
  ["GET", "/info/refs;x?service=git-upload-pack"],
  ["GET", "/info/refs?service=git-upload-pack&a=b"],
  ["POST", "/git-receive-pack"],
  ["POST", "/git-receive-pack/"],
  ["POST", "/GIT-RECEIVE-PACK"],
  ["POST", "/git%2Dreceive%2Dpack"],
  ["POST", "/git-receive-pack;x=1"],
  ["POST", "/git-receive-pack?service=git-upload-pack"],
  ["post", "/git-receive-pack"],
  ["GET", "/git-receive-pack"],
  ["PUT", "/git-upload-pack"],
  ["POST", "/info/refs?service=git-upload-pack"],
  ["POST", "/git-upload-archive"],
  ["POST", "/info/lfs/locks"],
  ["POST", "/info/lfs/locks/verify"],
  ["POST", "/info/lfs/locks/5/unlock"],
  ["DELETE", "/info/lfs/locks/5"],
  ["PUT", "/info/lfs/objects/batch"],
  ["PUT", "/objects/pack/pack-1.pack"],
  ["MKCOL", "/refs/heads/x"],
  ["PROPFIND", "/info/refs"],
  ["LOCK", "/refs/heads/main"],
  ["MOVE", "/refs/heads/main"],
  ["POST", "/settings"],
];

/** Bodies of a Git LFS batch that can be read in two ways. */
export const ambiguousLfsBodies: readonly string[] = [
  '{"operation":"download","operation":"upload"}',
  '{"operation":"upload","operation":"download"}',
  '{"operation":"upload","oper\\u0061tion":"download"}',
  '{"\\u006fperation":"download","operation":"upload"}',
  '{"operation":"download"',
  "",
  "operation=download",
  '\ufeff{"operation":"download"}{"operation":"upload"}',
];

/** Methods that are not GET, HEAD or OPTIONS. */
export const writingMethods: readonly string[] = [
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "PROPPATCH",
  "PROPFIND",
  "MKCOL",
  "COPY",
  "MOVE",
  "LOCK",
  "post",
  "Post",
  "delete",
  "get",
  "Get",
  "LINK",
  "PURGE",
  "QUERY",
  "SEARCH",
  "BREW",
  "X",
  "M-SEARCH",
  "UPDATE",
  "PRI",
];

/** Headers that give a request another method. */
export const overrideHeaders: readonly string[] = [
  "X-HTTP-Method-Override",
  "x-http-method-override",
  "X-HTTP-Method",
  "X-Method-Override",
  "X_HTTP_METHOD_OVERRIDE",
  "X-Original-Method",
];

/** Queries that do. */
export const overrideQueries: readonly string[] = [
  "_method=DELETE",
  "a=b&_method=put",
  "_METHOD=DELETE",
  "%5fmethod=DELETE",
  "a;_method=PUT",
  "_method",
];

/** Headers that announce a body. */
export const readsWithBodies: readonly Readonly<Record<string, string>>[] = [
  { "content-length": "5" },
  { "Content-Length": "00" },
  { "transfer-encoding": "chunked" },
  { "Transfer-Encoding": "identity" },
];

/** Method and URL of what writes at the vendors of the shipped rules, where each documents it. */
export const vendorWrites: readonly (readonly [method: string, url: string])[] = [
  // https://docs.claude.com/en/api/files-create, /creating-message-batches, /skills
  ["POST", "https://api.anthropic.com/v1/files"],
  ["POST", "https://api.anthropic.com/v1/messages/batches"],
  ["POST", "https://api.anthropic.com/v1/messages/batches/x/cancel"],
  ["POST", "https://api.anthropic.com/v1/skills"],
  ["DELETE", "https://api.anthropic.com/v1/files/x"],
  ["POST", "https://api.anthropic.com/v1/organizations/invites"],
  ["POST", "https://api.anthropic.com/v1/messages/"],
  ["POST", "https://api.anthropic.com/v1/messages;x"],
  ["POST", "https://api.anthropic.com/v1/Messages"],
  ["POST", "https://api.anthropic.com/v1/messages%2Fbatches"],
  // https://platform.openai.com/docs/api-reference/files/create, /batch, /fine-tuning, /uploads, /assistants, /vector-stores, /evals, /containers
  ["POST", "https://api.openai.com/v1/files"],
  ["POST", "https://api.openai.com/v1/batches"],
  ["POST", "https://api.openai.com/v1/fine_tuning/jobs"],
  ["POST", "https://api.openai.com/v1/uploads"],
  ["POST", "https://api.openai.com/v1/assistants"],
  ["POST", "https://api.openai.com/v1/threads"],
  ["POST", "https://api.openai.com/v1/vector_stores"],
  ["POST", "https://api.openai.com/v1/evals"],
  ["POST", "https://api.openai.com/v1/containers"],
  ["POST", "https://api.openai.com/v1/conversations"],
  ["POST", "https://api.openai.com/v1/responses/x/cancel"],
  ["DELETE", "https://api.openai.com/v1/responses/x"],
  ["POST", "https://api.openai.com/v1/organization/users/x"],
  ["POST", "https://chatgpt.com/backend-api/conversation"],
  // https://ai.google.dev/api/files, /caching, /batch-mode, /tuning
  ["POST", "https://generativelanguage.googleapis.com/upload/v1beta/files"],
  ["POST", "https://generativelanguage.googleapis.com/v1beta/cachedContents"],
  ["POST", "https://generativelanguage.googleapis.com/v1beta/models/g:batchGenerateContent"],
  ["POST", "https://generativelanguage.googleapis.com/v1beta/tunedModels"],
  ["POST", "https://generativelanguage.googleapis.com/v1beta/models/a/b:generateContent"],
  ["POST", "https://generativelanguage.googleapis.com/v1beta/corpora"],
  // https://docs.github.com/en/rest: branches, dispatches, gists, and what else writes by POST
  ["POST", `${api}/repos/a/b/merge-upstream`],
  ["POST", `${api}/repos/a/b/dispatches`],
  ["POST", `${api}/repos/a/b/actions/workflows/1/dispatches`],
  ["POST", `${api}/gists`],
  ["POST", `${api}/repos/a/b/forks`],
  ["POST", `${api}/repos/a/b/pulls`],
  ["POST", `${api}/repos/a/b/issues/1/comments`],
  ["PUT", `${api}/user/starred/a/b`],
  ["POST", `${api}/user/repos`],
  ["POST", "https://uploads.github.com/repos/a/b/releases/1/assets"],
  // https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md
  ["PUT", "https://npm.example.com/left-pad"],
  ["PUT", "https://npm.example.com/-/package/left-pad/dist-tags/latest"],
  ["DELETE", "https://npm.example.com/left-pad/-rev/1"],
  ["POST", "https://npm.example.com/-/package/left-pad/access"],
  ["POST", "https://upload.pypi.org/legacy/"],
  ["POST", "https://pypi.org/pypi"],
  // https://github.com/opencontainers/distribution-spec/blob/main/spec.md
  ["POST", "https://registry-1.docker.io/v2/a/blobs/uploads/"],
  ["PUT", "https://registry-1.docker.io/v2/a/manifests/latest"],
  ["PATCH", "https://ghcr.io/v2/a/blobs/uploads/x"],
];

/** Method and path of the routes of GitHub that move a branch or a tag. */
export const refMovingRoutes: readonly (readonly [method: string, path: string])[] = [
  ["PUT", "/repos/acme/app/contents/README.md"],
  ["DELETE", "/repos/acme/app/contents/a/b"],
  ["POST", "/repos/acme/app/git/refs"],
  ["PATCH", "/repos/acme/app/git/refs/heads/main"],
  ["DELETE", "/repos/acme/app/git/refs/tags/v1"],
  ["POST", "/repos/acme/app/merges"],
  ["POST", "/repos/acme/app/merge-upstream"],
  ["PUT", "/repos/acme/app/pulls/1/merge"],
  ["POST", "/repos/acme/app/pulls/1/merge"],
  ["POST", "/repos/acme/app/git/refs/heads/main"],
  ["PATCH", "/api/v3/repos/acme/app/git/refs/heads/main"],
  ["POST", "/repos/acme/app/branches/main/rename"],
  ["POST", "/repos/acme/app/releases"],
  ["PATCH", "/Repos/acme/app/Git/refs/heads/main"],
];

/** Method, path at github.com, and what becomes of it in a session that may push one branch of acme/app. */
export const scopedPushes: readonly (readonly [method: string, path: string, expected: string])[] = [
  ["GET", "/acme/app.git/info/refs?service=git-receive-pack", "inject github"],
  ["GET", "/acme/app/info/refs?service=git-receive-pack", "inject github"],
  ["POST", "/acme/app.git/git-receive-pack", "inject github push-guard"],
  ["POST", "/acme/app/git-receive-pack", "inject github push-guard"],
  ["POST", "/acme/app.git/info/lfs/objects/batch", "inject github"],
  ["POST", "/acme/app.git/info/lfs/locks/verify", "inject github"],
  ["GET", "/acme/other.git/info/refs?service=git-upload-pack", "inject github"],
  ["POST", "/acme/other.git/git-upload-pack", "inject github"],
  ["POST", "/acme/other.git/info/lfs/objects/batch", "inject github lfs-download"],
  ["GET", "/acme/other.git/info/refs?service=git-receive-pack", "403 push-not-scoped"],
  ["POST", "/acme/other.git/git-receive-pack", "403 push-not-scoped"],
  ["POST", "/Acme/App.git/git-receive-pack", "403 push-not-scoped"],
  ["POST", "/acme/app.wiki.git/git-receive-pack", "403 push-not-scoped"],
  ["POST", "/acme/app.git.git/git-receive-pack", "403 push-not-scoped"],
  ["POST", "/acme/app.git%2Fgit-receive-pack", "403 push-not-scoped"],
  ["POST", "/acme/other.git/GIT-receive-pack", "403 push-not-scoped"],
  ["POST", "/acme/other.git/git-receive-pack/", "403 push-not-scoped"],
  ["POST", "/acme/other.git/git-receive-pack;x", "403 push-not-scoped"],
  ["POST", "/acme/other.git/info/lfs/locks", "403 push-not-scoped"],
  ["GET", "/acme/app.git/info/refs?service=git-upload-pack&service=git-receive-pack", "403 push-not-scoped"],
  ["GET", "/acme/app.git/info/refs?service=GIT-RECEIVE-PACK", "403 push-not-scoped"],
  ["GET", "/acme/app.git/info/refs?service=git-receive%2Dpack", "403 push-not-scoped"],
  ["PUT", "/acme/app.git/objects/pack/x.pack", "403 push-not-scoped"],
  ["MKCOL", "/acme/app.git/refs/heads/x", "403 push-not-scoped"],
];

/** URL of a WebSocket, and what becomes of it in a read-only session. */
export const webSocketRoutes: readonly (readonly [url: string, expected: string])[] = [
  ["https://api.openai.com/v1/responses", "inject openai"],
  ["https://chatgpt.com/backend-api/codex/responses", "inject codex-access"],
  ["https://api.openai.com/v1/realtime", "403 read-only"],
  ["https://api.openai.com/v1/realtime?model=gpt-realtime", "403 read-only"],
  ["https://api.openai.com/v1/responses/x", "403 read-only"],
  ["https://api.anthropic.com/v1/messages", "403 read-only"],
  [
    "https://generativelanguage.googleapis.com/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
    "403 read-only",
  ],
  [`${api}/graphql`, "403 read-only"],
  ["https://npm.example.com/left-pad", "403 read-only"],
  [`https://github.com/acme/app.git/info/refs?service=git-upload-pack`, "403 read-only"],
  ["https://eu.sentry.example/api/ws", "403 read-only"],
];
