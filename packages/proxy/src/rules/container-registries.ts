import type { CredentialRule } from "../policy/proxy-types.ts";

const sources: readonly string[] = ["https://distribution.github.io/distribution/spec/auth/token/"];
const fields: readonly string[] = ["token", "access_token", "refresh_token"];

/** What the token service of a registry is asked with. */
export interface RegistryLogin {
  readonly id: string;
  readonly host: string;
  readonly path: string;
  readonly username: string;
  readonly secret: string;
}

/** The endpoint that turns a login into a short-lived token for some repositories; its answer must not reach the session as it is. */
export function registryTokenRule(login: RegistryLogin): CredentialRule {
  return {
    id: login.id,
    description: `Tokens of the container registry ${login.host}`,
    host: login.host,
    paths: [login.path],
    methods: ["GET"],
    protocol: "container-registry",
    inject: { kind: "basic", username: login.username },
    secret: login.secret,
    placeholder: `clauderon-${login.secret}-placeholder`,
    credentialHeaders: ["authorization", "cookie"],
    anonymous: "reads",
    tokenAnswer: { paths: [login.path], fields },
    sources,
  };
}

const known = (id: string, host: string): CredentialRule => ({
  id,
  description: `Container images at ${host}`,
  host,
  protocol: "container-registry",
  anonymous: "reads",
  // The Bearer token of the token service goes to the registry itself; a login goes nowhere.
  ...(host === "auth.docker.io" ? { credentialHeaders: ["authorization", "cookie"] } : {}),
  sources,
});

/** Docker Hub and GitHub's registry. Docker Hub wants the account's name with its token: it is given in `[registries]` of proxy.toml. */
export function containerRegistryRules(usernames: Readonly<Record<string, string>> = {}): readonly CredentialRule[] {
  const dockerUser = usernames["docker.io"];
  const hub = { id: "docker-hub-token", host: "auth.docker.io", path: "/token", secret: "docker" };
  return [
    ...(dockerUser === undefined
      ? [known("docker-hub-token", "auth.docker.io")]
      : [registryTokenRule({ ...hub, username: dockerUser })]),
    known("docker-hub", "registry-1.docker.io"),
    known("docker-hub-blobs", "production.cloudflare.docker.com"),
    registryTokenRule({
      id: "ghcr-token",
      host: "ghcr.io",
      path: "/token",
      username: usernames["ghcr.io"] ?? "x-access-token",
      secret: "github",
    }),
    known("ghcr", "ghcr.io"),
  ];
}
