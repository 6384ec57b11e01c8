import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** Whether a home asks for a proxy: it has a proxy.toml, or a secret of its own. */
export async function isProxyConfigured(home: string): Promise<boolean> {
  if (await exists(join(home, "proxy.toml"))) return true;
  return (await names(join(home, "secrets"))).length > 0;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => (error as NodeJS.ErrnoException).code !== "ENOENT",
  );
}

async function names(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}
