import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import type { ProcessHandle, Sandbox } from "@clauderon/core/contract";
import { describe, expect, it } from "vitest";

import { createGit } from "../src/git.ts";
import { syncLimits, type SyncLimits } from "../src/private/fetch-sandbox.ts";
import { parseSandboxState } from "../src/private/sandbox-state.ts";
import { syncPrivate } from "../src/private/sync-private.ts";
import { createScratchDirectories } from "../src/scratch-directories.ts";
import { nodeFileSystem } from "../src/workspace-file-system.ts";
import { errorWith, INSTANCE, helpedRunner } from "./git-fixture.ts";
import { privateSession, type PrivateSession, whyNoMounts } from "./private-fixture.ts";

if (whyNoMounts !== undefined) process.stdout.write(`${whyNoMounts}\n`);

const logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => logger,
};

async function sync(
  session: PrivateSession,
  call: {
    readonly sandbox?: Pick<Sandbox, "exec">;
    readonly limits?: Partial<SyncLimits>;
    readonly signal?: AbortSignal;
  },
): Promise<unknown> {
  const { home, environment } = session.world;
  const directory = join(home, "state", "workspaces", "scratch");
  const tools = {
    git: createGit(helpedRunner, environment),
    environment,
    fileSystem: nodeFileSystem,
    logger,
    scratch: createScratchDirectories({ fileSystem: nodeFileSystem, logger, directory }),
    homeDirectory: home,
    instanceId: INSTANCE,
  };
  const { sandbox = session.sandbox, limits, signal } = call;
  return syncPrivate(tools, session.record, { sandbox, limits: { ...syncLimits, ...limits }, signal });
}

/** Everything that a sync moves. */
function state({ host, record, world }: PrivateSession): unknown {
  const packs = readdirSync(join(record.privateDirectory ?? "", "outside", "objects", "pack"));
  const scratch = join(world.home, "state", "workspaces", "scratch");
  return [
    host(["for-each-ref"]),
    host(["symbolic-ref", "HEAD"]),
    host(["ls-files", "--stage", "-t"]),
    packs,
    existsSync(scratch) ? readdirSync(scratch) : [],
    existsSync(join(record.privateDirectory ?? "", "outside", "index.lock")),
  ];
}

async function withWork(): Promise<PrivateSession> {
  const session = await privateSession();
  await session.sandbox.run([
    "sh",
    "-ec",
    "echo work > work.txt; head -c 200000 /dev/urandom > noise; git add .; git commit -q -m Work; git branch one; git branch two",
  ]);
  return session;
}

/** What the sandbox's upload-pack says, changed on the way. */
function meddling(
  session: PrivateSession,
  meddle: (stdout: ReadableStream<Uint8Array>) => ReadableStream<Uint8Array>,
): Pick<Sandbox, "exec"> {
  return {
    exec: async (argv, options): Promise<ProcessHandle> => {
      const handle = await session.sandbox.exec(argv, options);
      return argv.includes("upload-pack")
        ? { ...handle, stdout: meddle(handle.stdout), kill: (signal) => handle.kill(signal) }
        : handle;
    },
  };
}

function cutAfter(
  count: number,
  end: "close" | "stall",
): (stdout: ReadableStream<Uint8Array>) => ReadableStream<Uint8Array> {
  return (stdout) => {
    let left = count;
    const transform = new TransformStream<Uint8Array, Uint8Array>({
      transform: async (chunk, controller) => {
        if (left > 0) controller.enqueue(chunk.subarray(0, left));
        left -= chunk.length;
        if (left > 0) return;
        if (end === "close") controller.terminate();
        else await new Promise<never>(() => undefined);
      },
    });
    stdout.pipeTo(transform.writable).catch(() => undefined);
    return transform.readable;
  };
}

describe.skipIf(whyNoMounts !== undefined)("a sandbox that does not do as it should", () => {
  it.each([
    ["too many bytes", { maxBytes: 50_000 }, "more than"],
    ["too many objects", { maxObjects: 2 }, "at most 2"],
    ["too many references", { maxRefs: 2 }, "at most 2"],
  ] as const)(
    "%s: nothing is changed, and with room the next call completes it",
    async (_what, limits, why) => {
      const session = await withWork();
      const before = state(session);
      await expect(sync(session, { limits })).rejects.toMatchObject({
        code: "workspace.sync-failed",
        why: expect.stringContaining(why),
      });
      expect(state(session)).toEqual(before);
      expect(await sync(session, {})).toMatchObject({ branch: "clauderon/fix", notices: [] });
      expect(session.host(["log", "-1", "--format=%s"])).toBe("Work\n");
    },
    120_000,
  );

  it("the connection is cut at any byte: nothing is changed, a retry completes it", async () => {
    const session = await withWork();
    const before = state(session);
    for (const count of [0, 1, 4, 50, 200, 500, 1000, 5000, 65_536, 150_000]) {
      await expect(sync(session, { sandbox: meddling(session, cutAfter(count, "close")) })).rejects.toEqual(
        errorWith("workspace.sync-failed"),
      );
      expect([count, state(session)]).toEqual([count, before]);
    }
    await sync(session, {});
    expect(session.host(["log", "-1", "--format=%s"])).toBe("Work\n");
  }, 120_000);

  it("one that says nothing more is given up at its time, and at once when the caller does", async () => {
    const session = await withWork();
    const before = state(session);
    const sandbox = meddling(session, cutAfter(1000, "stall"));
    await expect(sync(session, { sandbox, limits: { timeoutMs: 3000 } })).rejects.toEqual(
      errorWith("workspace.sync-failed"),
    );
    const caller = new AbortController();
    const stalled = sync(session, { sandbox, signal: caller.signal });
    caller.abort(new Error("no more"));
    await expect(stalled).rejects.toThrow("no more");
    expect(state(session)).toEqual(before);
  }, 120_000);

  it("a flipped byte and an object that is not what it is called are refused", async () => {
    const session = await withWork();
    const before = state(session);
    const flip = (stdout: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> => {
      let at = 0;
      return stdout.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => {
            const copy = Uint8Array.from(chunk);
            if (at <= 100_000 && at + copy.length > 100_000) copy[100_000 - at] = (copy[100_000 - at] ?? 0) ^ 1;
            at += copy.length;
            controller.enqueue(copy);
          },
        }),
      );
    };
    await expect(sync(session, { sandbox: meddling(session, flip) })).rejects.toEqual(
      errorWith("workspace.sync-failed"),
    );
    expect(state(session)).toEqual(before);
  }, 120_000);

  it.each([
    ["number of objects", (pack: Buffer) => pack.writeUInt32BE(0xff_ff_ff_ff, 8), "sent 4294967295 objects"],
    // The first object: a commit of 2^60 bytes.
    [
      "size of an object",
      (pack: Buffer) => pack.set([0x90, ...Array<number>(7).fill(0x80), 0x01], 12),
      "attempting to allocate",
    ],
  ] as const)(
    "a pack that lies about the %s is refused before room is made for it",
    async (_what, lie, why) => {
      const session = await withWork();
      const before = state(session);
      const lying = (stdout: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> =>
        stdout.pipeThrough(
          new TransformStream<Uint8Array, Uint8Array>({
            transform: (chunk, controller) => {
              const copy = Buffer.from(chunk);
              const at = copy.indexOf("PACK\0\0\0\u0002", 0, "latin1");
              if (at !== -1) lie(copy.subarray(at));
              controller.enqueue(copy);
            },
          }),
        );
      await expect(sync(session, { sandbox: meddling(session, lying) })).rejects.toMatchObject({
        code: "workspace.sync-failed",
        why: expect.stringContaining(why),
      });
      expect(state(session)).toEqual(before);
    },
    120_000,
  );

  it("a tree that would write into .git is refused by the check of every object", async () => {
    const session = await withWork();
    const before = state(session);
    await session.sandbox.run([
      "sh",
      "-ec",
      'blob=$(echo x | git hash-object -w --stdin); tree=$(printf "100644 blob %s\\t.git\\n" "$blob" | git mktree); git update-ref refs/heads/evil "$(git commit-tree -m Evil "$tree")"',
    ]);
    await expect(sync(session, {})).rejects.toEqual(errorWith("workspace.sync-failed"));
    expect(state(session)).toEqual(before);
  }, 120_000);

  it("objects that are missing inside are noticed", async () => {
    const session = await withWork();
    const before = state(session);
    await session.sandbox.run([
      "sh",
      "-ec",
      'rm -f ".$(git rev-parse HEAD:work.txt)"; object=$(git rev-parse HEAD:work.txt); rm -f "$(git rev-parse --git-dir)/objects/$(echo "$object" | cut -c1-2)/$(echo "$object" | cut -c3-)"',
    ]);
    await expect(sync(session, {})).rejects.toEqual(errorWith("workspace.sync-failed"));
    expect(state(session)).toEqual(before);
  }, 120_000);
});

describe("what git inside is said to have said", () => {
  const head = `# branch.oid ${"1".repeat(40)}\0# branch.head main\0`;
  const hash = "2".repeat(40);

  it("is read as it is written", () => {
    const text = `${head}1 A. N... 000000 100644 100644 ${"0".repeat(40)} ${hash} a b\n\0u UU N... 100644 100644 000000 100644 ${hash} ${hash} ${"0".repeat(40)} c\0`;
    expect(parseSandboxState(Buffer.from(text))).toEqual({
      commit: "1".repeat(40),
      branch: "main",
      staged: [
        { path: "a b\n", mode: "100644", object: hash, stage: 0 },
        { path: "c", mode: "100644", object: hash, stage: 1 },
        { path: "c", mode: "100644", object: hash, stage: 2 },
      ],
      stashes: 0,
    });
  });

  it.each([
    ["nothing", ""],
    ["no commit", "# branch.oid x\0# branch.head main\0"],
    ["a mode that is none", `${head}1 A. N... 000000 100777 100644 ${hash} ${hash} a\0`],
    ["a name that is none", `${head}1 A. N... 000000 100644 100644 ${hash} --all a\0`],
    ["a branch that leads elsewhere", `# branch.oid ${hash}\0# branch.head ../../config\0`],
    ["no path", `${head}1 A. N... 000000 100644 100644 ${hash} ${hash} \0`],
  ])("is refused: %s", (_what, text) => {
    expect(() => parseSandboxState(Buffer.from(text))).toThrow(
      expect.objectContaining({ code: "workspace.sync-failed" }),
    );
  });
});
