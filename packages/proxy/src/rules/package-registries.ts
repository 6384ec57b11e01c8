import type { CredentialRule } from "../policy/proxy-types.ts";

const npmjs = "registry.npmjs.org";

/** One npm registry. */
export function npmRule(host: string, secret: string): CredentialRule {
  return {
    id: host === npmjs ? "npm" : `npm-${host}`,
    description: `npm registry ${host}`,
    host,
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

/**
 * The npm registries that the user's own configuration names: the default one has the secret `npm`, every other host one of its own (`npm-HOST`), so that a token
 * is never sent to a registry it was not made for.
 */
export function npmRules(npmrc: string): readonly CredentialRule[] {
  const settings = npmrc
    .split(/\r?\n/)
    .map((line) => /^\s*((?:@[^:=\s]+:)?registry)\s*=\s*"?([^"\s]+)"?\s*$/.exec(line));
  const hosts = settings.flatMap((match) => {
    const url = URL.parse(match?.[2] ?? "");
    return url === null || url.protocol !== "https:" || url.port !== ""
      ? []
      : [{ isDefault: match?.[1] === "registry", host: url.hostname }];
  });
  const main = hosts.findLast(({ isDefault }) => isDefault)?.host ?? npmjs;
  const others = [...new Set(hosts.map(({ host }) => host))].filter((host) => host !== main);
  return [npmRule(main, "npm"), ...others.map((host) => npmRule(host, `npm-${host}`))];
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
