import type { ConfinedFiles } from "./confined-files.ts";

/** The files of one git directory, with the objects of another among its own. */
export function withLentObjects(files: ConfinedFiles, gitDirectory: string, lender: string): ConfinedFiles {
  const objects = `${gitDirectory}/objects/`;
  const elsewhere = (path: string): string | undefined =>
    path.startsWith(objects) ? `${lender}/objects/${path.slice(objects.length)}` : undefined;
  const either = async <Value>(path: string, look: (at: string) => Promise<Value>): Promise<Value> => {
    const other = elsewhere(path);
    try {
      return await look(path);
    } catch (error) {
      if (other === undefined || (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return look(other);
    }
  };
  const { promises } = files;
  return {
    promises: {
      ...promises,
      readFile: (path, options) => either(path, (at) => promises.readFile(at, options)),
      stat: (path) => either(path, (at) => promises.stat(at)),
      lstat: (path) => either(path, (at) => promises.lstat(at)),
      readdir: async (path) => {
        const other = elsewhere(`${path}/`);
        if (other === undefined) return promises.readdir(path);
        const names = await Promise.all([promises.readdir(path), promises.readdir(other.slice(0, -1))]);
        return [...new Set(names.flat())];
      },
    },
  };
}
