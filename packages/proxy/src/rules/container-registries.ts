import type { CredentialRule, TokenAnswer } from "../policy/proxy-types.ts";

const sources: readonly string[] = ["https://distribution.github.io/distribution/spec/auth/token/"];
const fields: readonly string[] = ["token", "access_token", "refresh_token"];
const credentialHeaders: readonly string[] = ["authorization", "cookie"];

/** The account at a container registry, as `[registries]` of proxy.toml names it. */
export interface RegistryAccount {
  readonly username: string;
  /** Default `registry-HOST`, `registry-HOST-PORT`; `docker` for Docker Hub, `github` for ghcr.io. */
  readonly secret?: string | undefined;
  /** Where the registry hands out its tokens, when that is another host or an unusual path. */
  readonly tokenUrl?: string | undefined;
}

/** Where Docker Hub sends its clients for layers, with signed URLs. */
const layerHosts: readonly (readonly [id: string, host: string])[] = [
  ["docker-hub-blobs", "production.cloudflare.docker.com"],
  ["docker-hub-blobs-cloudfront", "production.cloudfront.docker.com"],
  ["docker-hub-blobs-r2", "docker-images-prod.6aa30f8b08e16409b46e0173d6de2f56.r2.cloudflarestorage.com"],
];
const layerSources: readonly string[] = ["https://docs.docker.com/desktop/setup/allow-list/"];

/** Where registries that hand out tokens themselves do so: distribution, Quay, Harbor, Azure, GitLab, Gitea, and those that keep one for each repository. */
const usualTokenPaths: readonly string[] = [
  "/token",
  "/v2/token",
  "/v2/auth",
  "/v2/auth/token",
  "/service/token",
  "/oauth2/token",
  "/auth/token",
  "/jwt/auth",
  // Below the name that the installation has there.
  "/*/api/docker/*/v2/token",
];

interface TokenRule {
  readonly id: string;
  readonly host: string;
  readonly port?: number | undefined;
  readonly tokenAnswer: TokenAnswer;
  /** Absent = asked without a login, which opens public images. */
  readonly login?: { readonly username: string; readonly secret: string } | undefined;
}

/** The endpoint that turns a login into a short-lived token for some repositories; its answer must not reach the session as it is. */
function tokenRule({ id, host, port, tokenAnswer, login }: TokenRule): CredentialRule {
  return {
    id,
    description: `Tokens of the container registry ${host}`,
    host,
    port,
    paths: tokenAnswer.paths,
    methods: ["GET"],
    protocol: "container-registry",
    ...(login === undefined
      ? {}
      : {
          inject: { kind: "basic", username: login.username },
          secret: login.secret,
          placeholder: placeholderOf(login.secret),
        }),
    credentialHeaders,
    anonymous: "reads",
    tokenAnswer,
    sources,
  };
}

function placeholderOf(secret: string): string {
  return `clauderon-${secret}-placeholder`;
}

/** The registry itself takes tokens of its token service; a login goes nowhere here. */
const registry = (id: string, host: string, takesTokensOf?: string): CredentialRule => ({
  id,
  description: `Container images at ${host}`,
  host,
  protocol: "container-registry",
  anonymous: "reads",
  credentialHeaders,
  takesTokensOf,
  sources,
});

/** Docker Hub, GitHub's registry, and those that the user names. Docker Hub wants the account's name with its token: it is given in `[registries]` of proxy.toml. */
export function containerRegistryRules(
  accounts: Readonly<Record<string, RegistryAccount>> = {},
): readonly CredentialRule[] {
  const { "docker.io": hub, "ghcr.io": ghcr, ...others } = accounts;
  const hubSecret = hub?.secret ?? "docker";
  const ghcrSecret = ghcr?.secret ?? "github";
  return [
    tokenRule({
      id: "docker-hub-token",
      host: "auth.docker.io",
      tokenAnswer: { paths: ["/token"], fields, hosts: ["registry-1.docker.io"] },
      login: hub === undefined ? undefined : { username: hub.username, secret: hubSecret },
    }),
    // What else lies there takes no login.
    registry("docker-hub-accounts", "auth.docker.io"),
    registry("docker-hub", "registry-1.docker.io", hub === undefined ? undefined : hubSecret),
    ...layerHosts.map(([id, host]) => ({ ...registry(id, host), sources: layerSources })),
    tokenRule({
      id: "ghcr-token",
      host: "ghcr.io",
      tokenAnswer: { paths: ["/token"], fields, hosts: ["ghcr.io"] },
      login: { username: ghcr?.username ?? "x-access-token", secret: ghcrSecret },
    }),
    registry("ghcr", "ghcr.io", ghcrSecret),
    ...Object.entries(others).flatMap(([host, account]) => namedRegistry(host, account)),
  ];
}

/**
 * A registry that the user names. Where its tokens come from another host, the login goes to that host alone; else it also goes to the registry's API, because some
 * take it there and hand out no tokens.
 */
function namedRegistry(authority: string, account: RegistryAccount): readonly CredentialRule[] {
  const own = URL.parse(`https://${authority}`);
  const tokens = account.tokenUrl === undefined ? undefined : URL.parse(account.tokenUrl);
  const place = tokens ?? own;
  if (own === null || place === null) return [];
  const id = `registry-${own.host.replaceAll(/[^a-z0-9.-]+/g, "-")}`;
  const secret = account.secret ?? id;
  const login = { username: account.username, secret };
  const paths = tokens === null || tokens === undefined ? usualTokenPaths : [tokens.pathname];
  const isElsewhere = place.host !== own.host;
  return [
    tokenRule({
      id: `${id}-token`,
      host: hostOf(place),
      port: portOf(place),
      tokenAnswer: { paths, fields, hosts: [own.host] },
      login,
    }),
    {
      ...registry(id, hostOf(own), secret),
      port: portOf(own),
      ...(isElsewhere
        ? {}
        : {
            paths: ["/v2/**"],
            inject: { kind: "basic", username: account.username },
            secret,
            placeholder: placeholderOf(secret),
          }),
    },
  ];
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

function portOf({ port }: URL): number | undefined {
  return port === "" ? undefined : Number(port);
}
