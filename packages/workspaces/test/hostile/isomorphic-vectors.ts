import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { deflateRawSync, deflateSync } from "node:zlib";

import git from "isomorphic-git";

import { type Fixture, fixture } from "../git-fixture.ts";
import { SECRET } from "./scene.ts";

/** A repository of the user's that nobody named, beside the one that was. */
export interface Neighbours {
  readonly world: Fixture;
  readonly gitDirectory: string;
  readonly outside: string;
  /** Commit of the other one, and its file that holds the secret. */
  readonly secretCommit: string;
  readonly secretBlob: string;
}

export interface LayoutVector {
  readonly name: string;
  arm(neighbours: Neighbours): void;
  /** What isomorphic-git shows when it is left alone with the file system. */
  plain?(neighbours: Neighbours): Promise<string>;
}

export function neighbours(): Neighbours {
  const world = fixture();
  const outside = join(world.root, "outside");
  fs.mkdirSync(outside);
  world.git(["init", "--quiet"], outside);
  world.write({ "secret.txt": `${SECRET}\n` }, outside);
  world.git(["add", "."], outside);
  world.git(["commit", "--quiet", "-m", SECRET], outside);
  const name = (what: string): string => world.git(["rev-parse", what], outside).trim();
  return {
    world,
    gitDirectory: join(world.repository, ".git"),
    outside: join(outside, ".git"),
    secretCommit: name("HEAD"),
    secretBlob: name("HEAD:secret.txt"),
  };
}

const read = async (gitdir: string, oid: string): Promise<string> => {
  const { object } = await git.readObject({ fs, gitdir, oid, format: "content" });
  return Buffer.from(object as Uint8Array).toString();
};
const resolve = async ({ gitDirectory: gitdir }: Neighbours, ref: string): Promise<string> =>
  git.resolveRef({ fs, gitdir, ref });
const replace = (target: string, path: string): void => {
  fs.rmSync(path, { recursive: true, force: true });
  fs.symlinkSync(target, path);
};
const objectPath = (gitDirectory: string, object: string): string =>
  join(gitDirectory, "objects", object.slice(0, 2), object.slice(2));

function pipe(path: string): void {
  fs.rmSync(path, { force: true });
  execFileSync("mkfifo", [path]);
}

/** A pack of these raw entries, whose index says that each has the name beside it. */
export function forgePack(
  gitDirectory: string,
  entries: readonly { readonly name: string; readonly bytes: Buffer }[],
): void {
  const header = Buffer.from("PACK\0\0\0\x02\0\0\0\0", "latin1");
  header.writeUInt32BE(entries.length, 8);
  const body = Buffer.concat([header, ...entries.map(({ bytes }) => bytes)]);
  const checksum = createHash("sha1").update(body).digest();
  const starts = entries.map((_, index) =>
    entries.slice(0, index).reduce((sum, { bytes }) => sum + bytes.length, header.length),
  );
  const sorted = entries
    .map(({ name }, index) => ({ name, offset: starts[index] ?? 0 }))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
  const table = Buffer.alloc(8 + 256 * 4);
  table.writeUInt32BE(0xff_74_4f_63, 0);
  table.writeUInt32BE(2, 4);
  for (let first = 0; first < 256; first += 1) {
    const count = sorted.filter(({ name }) => Number.parseInt(name.slice(0, 2), 16) <= first).length;
    table.writeUInt32BE(count, 8 + first * 4);
  }
  const offsets = Buffer.alloc(sorted.length * 4);
  for (const [index, { offset }] of sorted.entries()) offsets.writeUInt32BE(offset, index * 4);
  const names = Buffer.from(sorted.map(({ name }) => name).join(""), "hex");
  const index = Buffer.concat([table, names, Buffer.alloc(sorted.length * 4), offsets, checksum]);
  const place = join(gitDirectory, "objects", "pack", `pack-${checksum.toString("hex")}`);
  fs.mkdirSync(join(gitDirectory, "objects", "pack"), { recursive: true });
  fs.writeFileSync(`${place}.pack`, Buffer.concat([body, checksum]));
  fs.writeFileSync(`${place}.idx`, Buffer.concat([index, createHash("sha1").update(index).digest()]));
}

/** An object that is a change of itself: reading it never ends. */
export function deltaOfItself(object: string): Buffer {
  const delta = Buffer.from([1, 1, 1, 0x61]);
  return Buffer.concat([Buffer.from([0x70 + delta.length]), Buffer.from(object, "hex"), deflateSync(delta)]);
}

/** So many MiB of nothing, in a few bytes for each. */
export function bomb(mebibytes: number): Buffer {
  const block = deflateRawSync(Buffer.alloc(1024 * 1024), { finishFlush: 3 });
  return Buffer.concat([Buffer.from([0x78, 0x9c]), ...Array.from({ length: mebibytes }, () => block)]);
}

/** Files of a git directory that lead out of it, or nowhere. */
export const layoutVectors: readonly LayoutVector[] = [
  {
    name: "a reference that is a link to another repository's",
    arm: ({ gitDirectory, outside }) =>
      fs.symlinkSync(join(outside, "refs", "heads", "main"), join(gitDirectory, "refs", "heads", "led")),
    plain: (places) => resolve(places, "refs/heads/led"),
  },
  {
    name: "references in a directory elsewhere",
    arm: ({ gitDirectory, outside }) => replace(join(outside, "refs"), join(gitDirectory, "refs")),
    plain: (places) => resolve(places, "refs/heads/main"),
  },
  {
    name: "packed references elsewhere",
    arm: ({ world, gitDirectory, outside }) => {
      world.git(["branch", "led"], join(outside, ".."));
      world.git(["pack-refs", "--all"], join(outside, ".."));
      replace(join(outside, "packed-refs"), join(gitDirectory, "packed-refs"));
    },
    plain: (places) => resolve(places, "refs/heads/led"),
  },
  {
    name: "a HEAD elsewhere",
    arm: ({ gitDirectory, outside, secretCommit }) => {
      fs.writeFileSync(join(outside, "HEAD"), `${secretCommit}\n`);
      replace(join(outside, "HEAD"), join(gitDirectory, "HEAD"));
    },
    plain: (places) => resolve(places, "HEAD"),
  },
  {
    name: "a reference by a path out of the repository",
    arm: ({ gitDirectory, outside, secretCommit }) => {
      fs.writeFileSync(join(outside, "led"), `${secretCommit}\n`);
      fs.writeFileSync(join(gitDirectory, "refs", "heads", "led"), "ref: refs/../../../outside/.git/led\n");
    },
    plain: (places) => resolve(places, "refs/heads/led"),
  },
  {
    name: "objects elsewhere",
    arm: ({ gitDirectory, outside, secretCommit }) => {
      fs.cpSync(join(gitDirectory, "objects"), join(outside, "objects"), { recursive: true });
      replace(join(outside, "objects"), join(gitDirectory, "objects"));
      fs.writeFileSync(join(gitDirectory, "refs", "heads", "led"), `${secretCommit}\n`);
    },
    plain: ({ gitDirectory, secretBlob }) => read(gitDirectory, secretBlob),
  },
  {
    name: "loose objects that are links",
    arm: ({ gitDirectory, outside, secretCommit }) => {
      for (const first of fs.readdirSync(join(outside, "objects")).filter((entry) => entry.length === 2)) {
        fs.mkdirSync(join(gitDirectory, "objects", first), { recursive: true });
        for (const name of fs.readdirSync(join(outside, "objects", first)))
          fs.symlinkSync(join(outside, "objects", first, name), join(gitDirectory, "objects", first, name));
      }
      fs.writeFileSync(join(gitDirectory, "refs", "heads", "led"), `${secretCommit}\n`);
    },
    plain: ({ gitDirectory, secretBlob }) => read(gitDirectory, secretBlob),
  },
  {
    name: "packs elsewhere",
    arm: ({ world, gitDirectory, outside, secretCommit }) => {
      world.git(["repack", "--quiet", "-a", "-d"], join(outside, ".."));
      replace(join(outside, "objects", "pack"), join(gitDirectory, "objects", "pack"));
      fs.writeFileSync(join(gitDirectory, "refs", "heads", "led"), `${secretCommit}\n`);
    },
    plain: ({ gitDirectory, secretBlob }) => read(gitDirectory, secretBlob),
  },
  {
    name: "objects borrowed from another repository",
    arm: ({ gitDirectory, outside, secretCommit }) => {
      fs.mkdirSync(join(gitDirectory, "objects", "info"), { recursive: true });
      fs.writeFileSync(join(gitDirectory, "objects", "info", "alternates"), `${join(outside, "objects")}\n`);
      fs.writeFileSync(join(gitDirectory, "refs", "heads", "led"), `${secretCommit}\n`);
    },
  },
  {
    name: "a common directory elsewhere",
    arm: ({ gitDirectory, outside }) => fs.writeFileSync(join(gitDirectory, "commondir"), `${outside}\n`),
  },
  {
    name: "a .git that is a link",
    arm: ({ gitDirectory, outside }) => replace(outside, gitDirectory),
    plain: (places) => resolve(places, "HEAD"),
  },
  {
    name: "a .git file that names another repository",
    arm: ({ gitDirectory, outside }) => {
      fs.rmSync(gitDirectory, { recursive: true });
      fs.writeFileSync(gitDirectory, `gitdir: ${outside}\n`);
    },
    plain: (places) => resolve(places, "HEAD"),
  },
  {
    name: "a .git file that names a worktree's entry whose common directory is another's",
    arm: ({ world, gitDirectory, outside }) => {
      const entry = join(world.root, "entry", "worktrees", "x");
      fs.mkdirSync(entry, { recursive: true });
      fs.writeFileSync(join(entry, "commondir"), `${outside}\n`);
      fs.writeFileSync(join(entry, "gitdir"), `${gitDirectory}\n`);
      fs.writeFileSync(join(entry, "HEAD"), "ref: refs/heads/main\n");
      fs.rmSync(gitDirectory, { recursive: true });
      fs.writeFileSync(gitDirectory, `gitdir: ${entry}\n`);
    },
  },
  { name: "a pipe for a reference", arm: ({ gitDirectory }) => pipe(join(gitDirectory, "refs", "heads", "led")) },
  { name: "a pipe for the packed references", arm: ({ gitDirectory }) => pipe(join(gitDirectory, "packed-refs")) },
  {
    name: "a pipe for an object",
    arm: ({ world, gitDirectory }) => pipe(objectPath(gitDirectory, world.git(["rev-parse", "HEAD:a.txt"]).trim())),
  },
  {
    name: "references that name each other",
    arm: ({ gitDirectory }) => {
      fs.writeFileSync(join(gitDirectory, "refs", "heads", "led"), "ref: refs/heads/back\n");
      fs.writeFileSync(join(gitDirectory, "refs", "heads", "back"), "ref: refs/heads/led\n");
    },
  },
  {
    name: "a pack whose index calls a commit what is none",
    arm: ({ gitDirectory }) => {
      const content = Buffer.from(`tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\n${SECRET}\n`);
      const bytes = Buffer.concat([
        Buffer.from([0x90 + (content.length % 16), Math.floor(content.length / 16)]),
        deflateSync(content),
      ]);
      forgePack(gitDirectory, [{ name: "c".repeat(40), bytes }]);
      fs.writeFileSync(join(gitDirectory, "refs", "heads", "led"), `${"c".repeat(40)}\n`);
    },
    plain: ({ gitDirectory }) => read(gitDirectory, "c".repeat(40)),
  },
];
