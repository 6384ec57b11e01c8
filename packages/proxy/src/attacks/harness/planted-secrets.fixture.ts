import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

const inAnHour = Math.floor(Date.now() / 1000) + 3600;
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const webToken = (name: string): string => `${encoded({ alg: "none" })}.${encoded({ exp: inAnHour })}.CANARY${name}`;

type CanaryName =
  | "anthropic"
  | "openai"
  | "gemini"
  | "github"
  | "npm"
  | "sentry"
  | "pypi"
  | "vault"
  | "codexAccess"
  | "codexRefresh";

/** The real credentials of the suite, one and more for each kind of place where a secret is kept. None may ever be seen by a client. */
export const canaries: Readonly<Record<CanaryName, string>> = {
  // In environment variables; the first has what encodings change.
  anthropic: 'sk-ant-CANARY/7c41+d2&"q"=9f',
  openai: "sk-CANARY-openai-55ab01",
  gemini: "AIzaCANARYgemini-88f2",
  github: "ghp_CANARYgithub3e77a0",
  npm: "npm_CANARYregistry19c4",
  // In a file of the home.
  sentry: "sntrys_CANARYfile-04be",
  // Behind the program of 1Password.
  pypi: "pypi-CANARYonepassword77",
  // In the keyring.
  vault: "vault_CANARYkeyring-c3d9",
  // In the login of the Codex CLI.
  codexAccess: webToken("access5501"),
  codexRefresh: "rt_CANARYrefresh-20fe",
};

/** Writes them where the proxy looks for them. */
export async function plantSecrets({
  home,
  userHome,
}: {
  readonly home: string;
  readonly userHome: string;
}): Promise<{ readonly environment: Readonly<Record<string, string>>; readonly settings: string }> {
  const secrets = join(home, "secrets");
  const programs = join(userHome, "bin");
  const codex = join(userHome, ".codex");
  await mkdir(secrets, { mode: 0o700, recursive: true });
  await mkdir(programs);
  await mkdir(codex, { mode: 0o700 });
  await writeFile(join(secrets, "sentry"), canaries.sentry, { mode: 0o600 });
  await writeFile(join(secrets, ".keyring"), "vault", { mode: 0o600 });
  const tokens = { access_token: canaries.codexAccess, refresh_token: canaries.codexRefresh, account_id: "a" };
  await writeFile(join(codex, "auth.json"), JSON.stringify({ tokens }), { mode: 0o600 });
  await writeFile(join(programs, "op"), `#!/bin/sh\nprintf '%s' '${canaries.pypi}'\n`, { mode: 0o755 });
  await writeFile(join(programs, "secret-tool"), `#!/bin/sh\nprintf '%s' '${canaries.vault}'\n`, { mode: 0o755 });
  return {
    environment: {
      PATH: `${programs}:${process.env["PATH"] ?? ""}`,
      ANTHROPIC_API_KEY: canaries.anthropic,
      OPENAI_API_KEY: canaries.openai,
      GEMINI_API_KEY: canaries.gemini,
      GITHUB_TOKEN: canaries.github,
      NPM_TOKEN: canaries.npm,
    },
    settings: `[onepassword]
op_path = "${join(programs, "op")}"
[onepassword.credentials]
pypi = "op://Work/PyPI/credential"
`,
  };
}
