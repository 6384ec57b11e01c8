/** Ways to a credential that a session must not hold. */
export const githubPlaceholder = "clauderon-github-placeholder";
const placeholder: string = githubPlaceholder;
const basic = Buffer.from(`x-access-token:${placeholder}`).toString("base64");

/** Method and URL of routes that answer with a new credential. */
export const tokenRoutes: readonly (readonly [method: string, url: string])[] = [
  ["POST", "https://api.github.com/app/installations/5/access_tokens"],
  ["POST", "https://api.github.com/APP/Installations/5/access_tokens/"],
  ["POST", "https://api.github.com/app/installations/5;x/access_tokens"],
  ["POST", "https://api.github.com/app%2Finstallations/5/access_tokens"],
  ["post", "https://api.github.com/app/installations/5/access_tokens"],
  ["POST", "https://api.github.com/app-manifests/c/conversions"],
  ["PATCH", "https://api.github.com/applications/x/token"],
  ["POST", "https://api.github.com/applications/x/token/scoped"],
  ["POST", "https://api.github.com/repos/a/b/actions/runners/registration-token"],
  ["POST", "https://api.github.com/orgs/a/actions/runners/generate-jitconfig"],
  ["POST", "https://api.github.com/repos/a/b/keys"],
  ["POST", "https://api.github.com/user/keys"],
  ["POST", "https://github.com/login/oauth/access_token"],
  ["POST", "https://github.com/login/device/code"],
  ["POST", "https://npm.example.com/-/npm/v1/tokens"],
  ["PUT", "https://npm.example.com/-/user/org.couchdb.user:x"],
  ["POST", "https://npm.example.com/-/v1/login"],
  ["GET", "https://npm.example.com/-/v1/done/x"],
  ["POST", "https://npm.example.com/-/npm/v1/oidc/token/exchange/package/x"],
  ["POST", "https://api.openai.com/v1/organization/admin_api_keys"],
  ["POST", "https://api.openai.com/v1/realtime/client_secrets"],
  ["POST", "https://api.openai.com/v1/chatkit/sessions"],
  ["POST", "https://auth.openai.com/oauth/token"],
  ["POST", "https://generativelanguage.googleapis.com/v1alpha/auth_tokens"],
  ["POST", "https://api.anthropic.com/api/oauth/claude_cli/create_api_key"],
];

/** Name, headers and target of a request that carries the placeholder of GitHub. */
export const placeholderSpellings: readonly (readonly [
  name: string,
  headers: Readonly<Record<string, string>>,
  target: string,
])[] = [
  ["plain header", { "x-anything": placeholder }, "/"],
  ["bearer", { authorization: `Bearer ${placeholder}` }, "/"],
  ["basic", { authorization: `Basic ${basic}` }, "/"],
  ["base64, alignment 1", { "x-a": Buffer.from(`a${placeholder}`).toString("base64") }, "/"],
  ["base64, alignment 2", { "x-a": Buffer.from(`ab${placeholder}`).toString("base64") }, "/"],
  ["base64url", { "x-a": Buffer.from(`??>${placeholder}??`).toString("base64url") }, "/"],
  ["path", {}, `/${placeholder}`],
  ["query", {}, `/?token=${placeholder}`],
  ["percent-encoded query", {}, `/?token=${placeholder.replaceAll("-", "%2d")}`],
  ["fully percent-encoded", {}, `/?t=${Buffer.from(placeholder).toString("hex").replaceAll(/../g, "%$&")}`],
  ["cookie", { cookie: `a=${placeholder}` }, "/"],
];
