import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith, fixture, made } from "./git-fixture.ts";
import {
  cutAfter,
  cutOnTheWayIn,
  goneAfter,
  meddling,
  refsInside,
  saying,
  sendWith,
  stateHere,
  syncWith,
} from "./remote-faults.ts";
import { farSandbox, remoteSession, type RemoteSession } from "./remote-fixture.ts";

const isDeep = process.env["CLAUDERON_DEEP"] === "1";
const failed = errorWith("workspace.sync-failed");

async function withWork(): Promise<RemoteSession> {
  const session = await remoteSession();
  await session.sandbox.script(
    "echo work > work.txt; head -c 100000 /dev/urandom > noise; git add .; git commit -q -m Work; echo open > a.txt; rm b.txt; echo new > new.txt",
  );
  return session;
}

/** A workspace that no sandbox has yet. */
async function unsent(): Promise<RemoteSession> {
  const world = fixture();
  const whole = await made(world, { isRemote: true });
  const host = (...args: readonly string[]): string => world.git(args, whole.record.path);
  const sandbox = farSandbox(world);
  return { ...whole, world, sandbox, host, sync: () => world.provider.sync(whole.record, sandbox) };
}

async function completes(session: RemoteSession): Promise<void> {
  await syncWith(session, {});
  expect(session.host("log", "-1", "--format=%s")).toBe("Work\n");
  expect(session.host("status", "--porcelain")).toBe(" M a.txt\n D b.txt\n?? new.txt\n");
}

const line = (payload: string): string => (payload.length + 4).toString(16).padStart(4, "0") + payload;
const hello = `${line("version 2\n")}${line("agent=git/2.39\n")}${line("ls-refs\n")}${line("fetch=shallow\n")}${line("object-format=sha1\n")}0000`;

describe("out of a sandbox that fails or lies", () => {
  it("cut at any byte: nothing is changed, a retry completes it", async () => {
    const session = await withWork();
    const before = stateHere(session);
    const few = [0, 5, 300, 60_000];
    for (const count of isDeep ? [...few, 1, 4, 50, 120, 500, 800, 1000, 1500, 5000, 99_000] : few) {
      const sandbox = meddling(session.sandbox, "upload-pack", cutAfter(count, "close"));
      await expect(syncWith(session, { sandbox })).rejects.toEqual(failed);
      expect([count, stateHere(session)]).toEqual([count, before]);
    }
    await completes(session);
  }, 300_000);

  it("gone between any two programs: nothing is changed, a retry completes it", async () => {
    const session = await withWork();
    const before = stateHere(session);
    for (let count = 0; ; count += isDeep ? 1 : 6) {
      const sandbox = goneAfter(session.sandbox, count);
      const outcome = await syncWith(session, { sandbox }).then(
        () => "done",
        () => "failed",
      );
      if (!sandbox.wasReached()) {
        expect(outcome).toBe("done");
        break;
      }
      expect([count, outcome, stateHere(session)]).toEqual([count, "failed", before]);
    }
    await completes(session);
  }, 300_000);

  it.each([
    ["stalls", cutAfter(2000, "stall"), "said nothing for 2 s"],
    ["names references without an end", saying(hello, line(`${"1".repeat(40)} refs/heads/x\n`)), "more references"],
    ["sends lines that are too long", saying("fff5", "x"), "not its protocol"],
    ["speaks another protocol", saying(line(`${"1".repeat(40)} HEAD\0side-band-64k`), ""), "version 2"],
    ["says nothing at all", saying("", ""), ""],
    [
      "sends a pack of four billion objects",
      saying(
        `${hello}${line(`${"1".repeat(40)} HEAD symref-target:refs/heads/clauderon/fix\n`)}0000${line("packfile\n")}${line("\u0001PACK\0\0\0\u0002\xff\xff\xff\xff")}`,
        "",
      ),
      "",
    ],
  ])(
    "one that %s is given up: nothing is changed, a retry completes it",
    async (_what, meddle, why) => {
      const session = await withWork();
      const before = stateHere(session);
      const sandbox = meddling(session.sandbox, "upload-pack", meddle);
      await expect(syncWith(session, { sandbox, limits: { stallMs: 2000 } })).rejects.toMatchObject({
        code: "workspace.sync-failed",
        why: expect.stringContaining(why),
      });
      expect(stateHere(session)).toEqual(before);
      await completes(session);
    },
    120_000,
  );

  it("a wrong hash, a tree that would write into .git, and state that makes no sense are refused", async () => {
    const session = await withWork();
    const before = stateHere(session);
    const flip = (stdout: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> => {
      let at = 0;
      return stdout.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => {
            const copy = Uint8Array.from(chunk);
            if (at <= 50_000 && at + copy.length > 50_000) copy[50_000 - at] = (copy[50_000 - at] ?? 0) ^ 1;
            at += copy.length;
            controller.enqueue(copy);
          },
        }),
      );
    };
    await expect(syncWith(session, { sandbox: meddling(session.sandbox, "upload-pack", flip) })).rejects.toEqual(
      failed,
    );
    expect(stateHere(session)).toEqual(before);
    await session.sandbox.script(
      'blob=$(echo x | git hash-object -w --stdin); printf "100644 blob %s\\t.git\\n" "$blob" | git mktree > .git/evil; git update-ref refs/heads/evil "$(git commit-tree -m Evil "$(cat .git/evil)")"',
    );
    await expect(syncWith(session, {})).rejects.toEqual(failed);
    expect(stateHere(session)).toEqual(before);
    await session.sandbox.script("git update-ref -d refs/heads/evil");
    // A tree of files that leaves the copy.
    const lying = (text: string): Parameters<typeof syncWith>[1] => ({
      sandbox: {
        exec: async (argv, options) =>
          argv.includes("write-tree") ? session.sandbox.exec(["echo", text]) : session.sandbox.exec(argv, options),
      },
    });
    for (const text of ["../../etc", "1".repeat(40), (await session.sandbox.script("cat .git/evil")).trim()]) {
      await expect(syncWith(session, lying(text))).rejects.toEqual(failed);
      expect([text, stateHere(session)]).toEqual([text, before]);
    }
    await completes(session);
  }, 120_000);
});

describe("a working tree that is made to harm", () => {
  it("runs nothing here and reaches nothing outside the copy", async () => {
    const session = await remoteSession();
    const { sandbox, record, world, host } = session;
    const outside = join(world.root, "outside");
    const mark = join(world.root, "mark");
    mkdirSync(outside);
    writeFileSync(join(outside, "c.txt"), "the user's\n");
    writeFileSync(join(world.root, "program"), `#!/bin/sh\ntouch '${mark}'\ncat\n`, { mode: 0o755 });
    const program = join(world.root, "program");
    await syncWith(session, {});
    // Filters, hooks and settings of the sandbox, the ones with names that the tree gives them.
    await sandbox.script(`
      printf '* filter=evil diff=evil merge=evil\\n' > .gitattributes
      printf '[submodule "x"]\\n path = nested\\n url = ${outside}\\n' > .gitmodules
      git config filter.evil.smudge '${program}'; git config filter.evil.clean cat; git config core.fsmonitor '${program}'
      git config core.hooksPath .; ln -s '${program}' post-checkout; ln -s '${program}' post-index-change
      git init -q nested; git -C nested -c user.name=A -c user.email=a@b commit -q --allow-empty -m N; git -C nested config core.fsmonitor '${program}'
      git -c core.fsmonitor=false -c core.hooksPath=/dev/null add -A`);
    await sandbox.script("git status > /dev/null || true");
    expect(existsSync(mark)).toBe(true);
    // A directory that becomes a link to outside, a file below it, and back again.
    const turns = [
      `rm -r deep; ln -s '${outside}' deep`,
      "rm deep; mkdir deep; echo agent > deep/c.txt",
      `rm -r deep; ln -s '${outside}' deep`,
      "rm deep",
    ];
    for (const turn of turns) {
      await sandbox.script(turn);
      rmSync(mark, { force: true });
      const quiet: typeof sandbox = {
        ...sandbox,
        exec: (argv, options) =>
          sandbox.exec(argv, {
            ...options,
            // What it does to itself is no concern: the mark is of this machine alone.
            environment: {
              ...options?.environment,
              GIT_CONFIG_COUNT: "2",
              GIT_CONFIG_KEY_0: "core.fsmonitor",
              GIT_CONFIG_VALUE_0: "false",
              GIT_CONFIG_KEY_1: "core.hooksPath",
              GIT_CONFIG_VALUE_1: "/dev/null",
            },
          }),
      };
      await syncWith(session, { sandbox: quiet });
      host("status", "--porcelain");
      host("diff", "--stat");
      expect([turn, existsSync(mark), readFileSync(join(outside, "c.txt"), "utf8")]).toEqual([
        turn,
        false,
        "the user's\n",
      ]);
      expect(readdirSync(outside)).toEqual(["c.txt"]);
    }
    // The user has put a link where the agent then puts a directory: it stays.
    symlinkSync(outside, join(record.path, "deep"));
    await sandbox.script("mkdir deep; echo agent > deep/c.txt");
    await syncWith(session, {}).catch(() => undefined);
    expect(readFileSync(join(outside, "c.txt"), "utf8")).toBe("the user's\n");
  }, 120_000);
});

describe("into a sandbox that fails", () => {
  it("cut at any byte: no branch is there, a retry completes it", async () => {
    const session = await unsent();
    const before = stateHere(session);
    for (const count of isDeep ? [0, 1, 50, 200, 400, 600, 700, 800] : [0, 200, 600]) {
      await expect(sendWith(session, { sandbox: cutOnTheWayIn(session.sandbox, count) })).rejects.toEqual(failed);
      expect([count, refsInside(session.sandbox), stateHere(session)]).toEqual([count, "", before]);
    }
    await sendWith(session, {});
    expect(await session.sandbox.git("status", "--porcelain")).toBe("");
    expect(await session.sandbox.git("log", "-1", "--format=%s %D")).toContain("First HEAD -> clauderon/fix");
  }, 300_000);

  it("gone between any two programs: a retry completes it", async () => {
    for (let count = 0; ; count += isDeep ? 1 : 9) {
      const session = await unsent();
      const sandbox = goneAfter(session.sandbox, count);
      const outcome = await sendWith(session, { sandbox }).then(
        () => "done",
        () => "failed",
      );
      expect([count, outcome]).toEqual([count, sandbox.wasReached() ? "failed" : "done"]);
      await sendWith(session, {});
      expect([count, await session.sandbox.git("status", "--porcelain")]).toEqual([count, ""]);
      expect(refsInside(session.sandbox)).toBe("refs/heads/clauderon/fix\nrefs/heads/main\n");
      if (!sandbox.wasReached()) break;
    }
  }, 300_000);
});
