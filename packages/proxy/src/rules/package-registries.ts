import type { CredentialRule } from "../policy/proxy-types.ts";

/** Where a registry is. */
interface Registry {
  readonly host: string;
  /** Begins and ends with `/`. */
  readonly path: string;
}

/**
 * The npm registries that the user's own configuration names; none when it names none. The secret `npm` belongs to the one that `_authToken=${NPM_TOKEN}` names, else to the default one;
 * every other host has a secret of its own (`npm-HOST`), so that a token is never sent to a registry it was not made for.
 */
export function npmRules(npmrc: string): readonly CredentialRule[] {
  const lines = npmrc.split(/\r?\n/);
  const named = lines.flatMap((line) => {
    const match = /^\s*(@[^:=\s]+:)?registry\s*=\s*"?([^"\s]+)"?\s*$/.exec(line);
    const registry = match === null ? undefined : registryAt(match[2] ?? "");
    return registry === undefined ? [] : [{ ...registry, isDefault: match?.[1] === undefined }];
  });
  const main = named.findLast(({ isDefault }) => isDefault);
  const owner =
    lines.flatMap((line) => {
      const url = /^\s*\/\/(\S+?):_authToken\s*=\s*"?\$\{NPM_TOKEN\}/.exec(line)?.[1];
      return url === undefined ? [] : (registryAt(`https://${url}`) ?? []);
    })[0] ?? main;
  const registries = [main, owner, ...named].filter((registry) => registry !== undefined);
  const all = new Map(registries.map((registry) => [registry.host, registry]));
  return [...all.values()].map((registry) =>
    npmRule(registry, {
      id: registry.host === main?.host ? "npm" : `npm-${registry.host}`,
      secret: registry.host === owner?.host ? "npm" : `npm-${registry.host}`,
    }),
  );
}

function npmRule(
  { host, path }: Registry,
  { id, secret }: { readonly id: string; readonly secret: string },
): CredentialRule {
  return {
    id,
    description: `npm registry ${host}`,
    host,
    paths: path === "/" ? undefined : [`${path}**`],
    protocol: "package-registry",
    inject: { kind: "header", name: "authorization", format: "Bearer {secret}" },
    secret,
    placeholder: `clauderon-${secret}-placeholder`,
    credentialHeaders: ["authorization", "npm-otp", "npm-session-token", "cookie"],
    anonymous: "reads",
    sources: [
      "https://docs.npmjs.com/cli/configuring-npm/npmrc",
      "https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md",
    ],
  };
}

function registryAt(text: string): Registry | undefined {
  const url = URL.parse(text);
  if (url === null || url.protocol !== "https:" || url.port !== "") return undefined;
  return { host: url.hostname, path: url.pathname.endsWith("/") ? url.pathname : `${url.pathname}/` };
}

/** PyPI: reading needs nothing, uploading needs a token. */
export const pypiRules: readonly CredentialRule[] = [
  ...["pypi.org", "files.pythonhosted.org"].map((host): CredentialRule => ({
    id: host === "pypi.org" ? "pypi" : "pypi-files",
    description: "Python packages",
    host,
    protocol: "package-registry",
    anonymous: "reads",
    sources: ["https://docs.pypi.org/api/"],
  })),
  {
    id: "pypi-upload",
    description: "Uploads to PyPI",
    host: "upload.pypi.org",
    paths: ["/legacy/"],
    protocol: "package-registry",
    inject: { kind: "basic", username: "__token__" },
    secret: "pypi",
    placeholder: "clauderon-pypi-placeholder",
    credentialHeaders: ["authorization", "cookie"],
    sources: ["https://docs.pypi.org/api/upload/", "https://pypi.org/help/#apitoken"],
  },
];
