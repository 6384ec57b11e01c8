import { access, constants, stat } from "node:fs/promises";
import { delimiter, isAbsolute, resolve } from "node:path";

const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

export interface FindProgramOptions {
  /** What relative names that contain a slash are relative to. */
  readonly cwd: string;
  /** The process's environment: its PATH is searched. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The program as a shell would find it: its absolute path, or the exit code a shell would give: 127 missing, 126 not executable. */
export async function findProgram(
  program: string,
  options: FindProgramOptions,
): Promise<{ readonly path: string } | { readonly exitCode: 126 | 127 }> {
  if (program === "") return { exitCode: 127 };
  if (program.includes("/")) {
    const path = isAbsolute(program) ? program : resolve(options.cwd, program);
    return (await look(path)) === "program" ? { path } : { exitCode: (await look(path)) === "missing" ? 127 : 126 };
  }
  let isSeen = false;
  for (const directory of (options.environment["PATH"] ?? DEFAULT_PATH).split(delimiter)) {
    const path = resolve(options.cwd, directory, program);
    const found = await look(path);
    if (found === "program") return { path };
    isSeen ||= found === "refused";
  }
  return { exitCode: isSeen ? 126 : 127 };
}

async function look(path: string): Promise<"program" | "refused" | "missing"> {
  try {
    const status = await stat(path);
    if (!status.isFile()) return "refused";
    await access(path, constants.X_OK);
    return "program";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EACCES" ? "refused" : "missing";
  }
}
