import { createPolicyEngine } from "../../policy/decide.ts";
import type { SessionPolicy } from "../../policy/proxy-types.ts";
import { shippedRules } from "../../rules/shipped-rules.ts";
import type { UpstreamOverride } from "../../transport/dial.ts";
import { identity, openPolicy, startTestProxy, type TestProxy } from "../../transport/testing/test-proxy.fixture.ts";
import { startImageRegistry, type ImageRegistry, type RegistryPlace } from "./image-registry.fixture.ts";

export const password = "REAL-LOGIN-7d1f20";

export type PlaceName = "docker.io" | "ghcr.io" | "harbor.example" | "registry.gitlab.example" | "plain.example";

/** Registries of each kind: tokens from a second host, from itself, from a host that the user names, and none at all. */
export const places: Readonly<Record<PlaceName, RegistryPlace>> = {
  "docker.io": { host: "registry-1.docker.io", realm: { host: "auth.docker.io", path: "/token" } },
  "ghcr.io": { host: "ghcr.io", realm: { host: "ghcr.io", path: "/token" } },
  "harbor.example": { host: "harbor.example", realm: { host: "harbor.example", path: "/service/token" } },
  "registry.gitlab.example": {
    host: "registry.gitlab.example",
    realm: { host: "gitlab.example", path: "/jwt/auth" },
  },
  "plain.example": { host: "plain.example" },
};

export interface RegistryWorld extends AsyncDisposable {
  readonly registry: ImageRegistry;
  readonly test: TestProxy;
  /** Names of the secrets that are there. */
  readonly secrets: Set<string>;
  usePolicy(policy: Partial<SessionPolicy>): Promise<void>;
}

/** The shipped rules with accounts at these registries, through a proxy that finds them all on loopback. */
export async function startRegistryWorld(): Promise<RegistryWorld> {
  const registry = await startImageRegistry({ places: Object.values(places), login: `me:${password}` });
  const hosts = Object.values(places).flatMap(({ host, ...rest }) =>
    "realm" in rest ? [host, rest.realm.host] : host,
  );
  const overrides = new Map(
    hosts.map((host): [string, UpstreamOverride] => [host, { scheme: "https", host, port: registry.port }]),
  );
  const secrets = new Set(["docker", "github", "registry-harbor.example", "gitlab", "registry-plain.example"]);
  const rules = shippedRules({
    registries: {
      "docker.io": "me",
      "ghcr.io": "me",
      "harbor.example": "me",
      "registry.gitlab.example": { username: "me", secret: "gitlab", tokenUrl: "https://gitlab.example/jwt/auth" },
      "plain.example": "me",
    },
  });
  const test = await startTestProxy({
    engine: createPolicyEngine({ rules, secrets, canExchangeTokens: true }),
    readSecret: async (name) => (secrets.has(name) ? password : undefined),
    upstream: { overrides },
  });
  return {
    registry,
    test,
    secrets,
    async usePolicy(policy) {
      await test.proxy.identities.update(identity("s1", { ...openPolicy, ...policy }));
    },
    async [Symbol.asyncDispose]() {
      await test[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}
