import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { link, lstat, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { SettingsError, type Clock } from "@clauderon/core/contract";
import { makePrivateDirectory } from "@clauderon/core/host";

import { authorityText, createAuthority, parseAuthorities, type Authority } from "./authority.ts";

const temporaryPrefix = ".authority-";
const staleTemporaryMs = 60_000;
const othersMask = 0o077;

/** The authorities of a home: the first signs for new sessions, the others for sessions that began before a rotation. */
export type Authorities = readonly [Authority, ...Authority[]];

export interface AuthorityStore {
  /** Reads the authorities; makes the first when there is none. A file that is broken, expired or open to others is refused. */
  load(): Promise<Authorities>;
  /** Puts a new authority in front of the others. */
  rotate(): Promise<Authorities>;
  /** Forgets all authorities but the first and those named. */
  retire(idsInUse: ReadonlySet<string>): Promise<Authorities>;
}

/** Keeps authorities in one file, 0600 in a directory 0700; every change replaces the file, so that a crash leaves the old or the new. */
export function createAuthorityStore(path: string, clock: Clock): AuthorityStore {
  const store: AuthorityStore = {
    async load() {
      await makePrivateDirectory(dirname(path));
      await checkDirectory(dirname(path));
      const text = (await readPrivate(path)) ?? (await createFirst(path, clock));
      const authorities = parseAuthorities(text, clock.now());
      if ("reason" in authorities) throw refused(path, authorities.reason);
      const [first, ...others] = authorities;
      if (first === undefined) throw refused(path, "it is empty");
      return [first, ...others];
    },
    async rotate() {
      const authorities: Authorities = [createAuthority(clock.now()), ...(await store.load())];
      await place(path, textOf(authorities), rename);
      return authorities;
    },
    async retire(idsInUse) {
      const [first, ...others] = await store.load();
      const kept: Authorities = [first, ...others.filter(({ id }) => idsInUse.has(id))];
      if (kept.length <= others.length) await place(path, textOf(kept), rename);
      return kept;
    },
  };
  return store;
}

function textOf(authorities: Authorities): string {
  return authorities.map(authorityText).join("");
}

function refused(path: string, why: string): SettingsError {
  return new SettingsError({
    message: `The proxy's certificate authority in ${path} cannot be used`,
    why,
    fix: [
      `restore ${path} from a copy`,
      `or move it away: the next start makes a new authority, and running sessions must be restarted to trust it`,
    ],
    context: { path },
  });
}

async function checkDirectory(path: string): Promise<void> {
  const status = await stat(path);
  const isOurs = process.getuid === undefined || status.uid === process.getuid();
  if (isOurs && (status.mode & othersMask) === 0) return;
  throw new SettingsError({
    message: `The directory ${path} of the proxy's certificate authority is open to others`,
    why: isOurs ? `its mode is ${(status.mode & 0o777).toString(8)}` : "it belongs to another user",
    fix: [`chmod 700 ${path}`],
    context: { path },
  });
}

async function readPrivate(path: string): Promise<string | undefined> {
  let handle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    if (code === "ELOOP") throw refused(path, "it is a symbolic link");
    throw error;
  }
  await using file = handle;
  const status = await file.stat();
  if (!status.isFile()) throw refused(path, "it is not a file");
  if (process.getuid !== undefined && status.uid !== process.getuid())
    throw refused(path, "it belongs to another user");
  if ((status.mode & othersMask) !== 0)
    throw new SettingsError({
      message: `The proxy's certificate authority in ${path} is open to others`,
      why: `its mode is ${(status.mode & 0o777).toString(8)}: whoever read its key can pretend to be any host inside your sandboxes`,
      fix: [`chmod 600 ${path}`, "then replace it: clauderon proxy ca rotate"],
      context: { path },
    });
  return file.readFile("utf8");
}

/** However many processes do this at once, all end with the same authority. */
async function createFirst(path: string, clock: Clock): Promise<string> {
  await sweep(dirname(path), clock);
  const text = authorityText(createAuthority(clock.now()));
  const isPlaced = await place(path, text, linkOnce);
  return isPlaced ? text : ((await readPrivate(path)) ?? text);
}

/** False when another was first. */
async function linkOnce(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function place<Result>(
  path: string,
  text: string,
  put: (from: string, to: string) => Promise<Result>,
): Promise<Result> {
  const temporary = join(dirname(path), `${temporaryPrefix}${randomUUID()}`);
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    {
      await using file = await open(temporary, flags, 0o600);
      await file.chmod(0o600);
      await file.writeFile(text);
      await file.sync();
    }
    const result = await put(temporary, path);
    await using directory = await open(dirname(path), constants.O_RDONLY);
    await directory.sync();
    return result;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** What a killed process left behind holds a key. */
async function sweep(directory: string, clock: Clock): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(temporaryPrefix)) continue;
    const status = await lstat(join(directory, name)).catch(() => undefined);
    if (status !== undefined && clock.now().getTime() - status.mtimeMs > staleTemporaryMs)
      await rm(join(directory, name), { force: true });
  }
}
