import { access, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/** What a process of clauderon's has open of the home that it serves, as long as it runs. */
const openInHome = /^(?<home>\/.+)\/(?:daemon\.lock|logs\/proxy\.log)(?: \(deleted\))?$/u;
const proxyTitle = "clauderon-proxy";

/** The home that a process serves as its daemon or its proxy; `undefined` = it is none of these, or it cannot be told here. Never rejects. */
export async function homeOfProcess(processId: number, procDirectory = "/proc"): Promise<string | undefined> {
  const directory = join(procDirectory, String(processId));
  const descriptors = await readdir(join(directory, "fd")).catch((): string[] => []);
  const links = await Promise.all(
    descriptors.map(async (descriptor) => readlink(join(directory, "fd", descriptor)).catch(() => "")),
  );
  const title = await readFile(join(directory, "comm"), "utf8").catch(() => "");
  for (const link of links) {
    const home = openInHome.exec(link)?.groups?.["home"];
    // Others may call files of theirs the same.
    const isOurs = link.endsWith("/daemon.lock")
      ? await isThere(join(home ?? "", "logs", "daemon.log"))
      : title.trim() === proxyTitle;
    if (home !== undefined && isOurs) return home;
  }
  return undefined;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
