import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach } from "vitest";

import { createSecretSource, type SecretSource, type SecretSourceSettings } from "../create-secret-source.ts";

/** A directory of secrets and a clock, new for each test. */
export interface SecretsHome {
  readonly root: string;
  /** What the clock of the source says. */
  now: number;
  directory(): string;
  source(settings?: Partial<SecretSourceSettings>): SecretSource;
  store(name: string, content: string | Uint8Array, mode?: number): Promise<void>;
}

/** To be called at the top of a test file. */
export function useSecretsHome(): SecretsHome {
  let root = "";
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "clauderon-secrets-"));
    home.now = 0;
  });
  afterEach(async () => {
    await rm(root, { recursive: true, force: true, maxRetries: 10 });
  });
  const directory = (): string => join(root, "secrets");
  const home: SecretsHome = {
    get root() {
      return root;
    },
    now: 0,
    directory,
    source: (settings = {}) =>
      createSecretSource({ directory: directory(), environment: {}, monotonicMs: () => home.now, ...settings }),
    async store(name, content, mode = 0o600) {
      await mkdir(directory(), { recursive: true, mode: 0o700 });
      await writeFile(join(directory(), name), content);
      await chmod(join(directory(), name), mode);
    },
  };
  return home;
}

/** A secret as it would be put into a request. */
export async function value(secrets: SecretSource, name: string): Promise<string | undefined> {
  return (await secrets.get(name))?.reveal();
}
