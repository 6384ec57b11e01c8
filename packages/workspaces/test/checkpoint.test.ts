import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { checkpointRequest as request } from "./checkpoint-property.ts";
import { wrappedFileSystem } from "./faulty-file-system.ts";
import { errorWith, type Fixture, fixture, made, type Made, watchedRunner } from "./git-fixture.ts";

const SESSION = "session-fix";

async function world(): Promise<
  Fixture & Made & { readonly status: () => string; readonly read: (name: string) => string }
> {
  const found = fixture();
  const session = await made(found, { sessionId: SESSION });
  const { path } = session.record;
  return {
    ...found,
    ...session,
    status: () => found.git(["status", "--porcelain"], path),
    read: (name) => readFileSync(join(path, name), "utf8"),
  };
}

const recordsOf = ({ home }: Fixture): string => join(home, "checkpoints", SESSION, "records");

describe("a checkpoint", () => {
  it("is listed newest first, tells what it holds, and is made once", async () => {
    const context = await world();
    const { provider, record } = context;
    const { checkpoints } = provider;
    context.write({ "new.txt": "new\n", "ignored.txt": "not\n" }, record.path);
    const first = { ...request(SESSION, "one"), at: "2026-01-01T00:00:00.000Z", note: "first" };
    const one = await checkpoints.create(record, { ...first, scrollback: "$ ls\r\n\u001B[1mbold" });
    expect(one).toMatchObject({
      id: "one",
      sessionId: SESSION,
      note: "first",
      files: 5,
      branch: "clauderon/fix",
      skipped: [],
    });
    expect(await checkpoints.create(record, { ...first, note: "again" })).toEqual(one);
    const two = await checkpoints.create(record, { ...request(SESSION, "two"), at: "2026-01-02T00:00:00.000Z" });
    expect(await checkpoints.list(SESSION)).toEqual([two, one]);
    expect(await checkpoints.list("another")).toEqual([]);
    expect(await checkpoints.get("one")).toEqual(one);
    expect(await checkpoints.scrollback("one")).toBe("$ ls\r\n\u001B[1mbold");
    expect(await checkpoints.scrollback("two")).toBeUndefined();
  });

  it("is compared with another and with what is there now", async () => {
    const context = await world();
    const { provider, record } = context;
    const { checkpoints } = provider;
    await checkpoints.create(record, request(SESSION, "one"));
    context.write({ "a.txt": "two\n" }, record.path);
    await checkpoints.create(record, request(SESSION, "two"));
    rmSync(join(record.path, "b.txt"));
    const names = { format: "names", record } as const;
    expect(await checkpoints.diff({ from: "one", to: "two" })).toContain("-one\n+two\n");
    expect(await checkpoints.diff({ from: "two", to: "one", ...names })).toBe("a.txt\n");
    expect(await checkpoints.diff({ from: "two", ...names })).toBe("b.txt\n");
    expect(await checkpoints.diff({ from: "one", ...names })).toBe("a.txt\nb.txt\n");
    await expect(checkpoints.diff({ from: "one", to: "none" })).rejects.toEqual(errorWith("checkpoint.not-found"));
    await expect(checkpoints.diff({ from: "one" })).rejects.toEqual(errorWith("checkpoint.refused"));
  });

  it("that is unknown, of another session, of another version or damaged is refused with nothing changed", async () => {
    const context = await world();
    const { provider, record, home } = context;
    const { checkpoints } = provider;
    const other = await made(context, { name: "other" });
    await checkpoints.create(other.record, { ...request("session-other", "foreign"), name: "other" });
    await checkpoints.create(record, request(SESSION, "one"));
    context.write({ "a.txt": "now\n" }, record.path);
    const restore = (id: string): Promise<unknown> => checkpoints.restore(record, { id, before: request(SESSION) });
    await expect(restore("none")).rejects.toEqual(errorWith("checkpoint.not-found"));
    await expect(restore("../one")).rejects.toEqual(errorWith("checkpoint.not-found"));
    await expect(restore("foreign")).rejects.toEqual(errorWith("checkpoint.refused"));
    const file = join(recordsOf(context), "one.json");
    const text = readFileSync(file, "utf8");
    for (const damaged of ["", text.slice(0, -10), text.replace('"version":1', '"version":2')]) {
      writeFileSync(file, damaged);
      await expect(restore("one")).rejects.toEqual(errorWith("checkpoint.damaged"));
    }
    writeFileSync(file, text);
    const packs = join(home, "checkpoints", SESSION, "store", "objects", "pack");
    for (const name of readdirSync(packs)) rmSync(join(packs, name), { force: true });
    await expect(restore("one")).rejects.toEqual(errorWith("checkpoint.damaged"));
    expect(context.status()).toBe(" M a.txt\n");
    await checkpoints.remove(["one", "none"]);
    expect((await checkpoints.list(SESSION)).filter(({ id }) => id === "one")).toEqual([]);
  });

  it("goes with its session, stays with one that can be brought back, and follows it", async () => {
    const context = await world();
    const { provider, record } = context;
    const { checkpoints } = provider;
    const refs = (): string => context.git(["for-each-ref", "--format=%(refname)", "refs/clauderon/checkpoints"]);
    await checkpoints.create(record, request(SESSION, "one"));
    context.write({ "a.txt": "now\n" }, record.path);
    const undo = { at: "2026-01-01T00:00:00.000Z", session: null };
    await provider.remove(record, { sessionId: SESSION, force: true, undo });
    expect(refs()).toBe("refs/clauderon/checkpoints/one\n");
    await provider.undoRecords.restore(SESSION, { sessionId: "again", name: "fix" });
    expect(await checkpoints.list("again")).toMatchObject([{ id: "one", sessionId: "again" }]);
    await checkpoints.restore(record, { id: "one", before: request("again") });
    expect(context.status()).toBe("");
    await provider.remove(record, { sessionId: "again", force: true });
    expect([refs(), await checkpoints.list()]).toEqual(["", []]);
    expect(existsSync(join(context.home, "checkpoints", "again"))).toBe(false);
  });
});

describe("going back", () => {
  it("needs nothing of the repository's programs, and gives back what filters would change", async () => {
    const context = await world();
    const { record } = context;
    const canary = join(context.root, "canary");
    const filter = `sh -c 'touch ${canary}; cat'`;
    context.git(["config", "filter.evil.clean", filter]);
    context.git(["config", "filter.evil.smudge", filter]);
    context.git(["config", "core.autocrlf", "true"]);
    const files = { ".gitattributes": "*.txt filter=evil text eol=crlf ident\n", "c.txt": "one\ntwo\r\n$Id$\n" };
    context.write(files, record.path);
    context.git(["add", "."], record.path);
    rmSync(canary, { force: true });
    const { checkpoints } = context.provider;
    await checkpoints.create(record, request(SESSION, "one"));
    rmSync(join(record.path, "c.txt"));
    rmSync(join(record.path, ".gitattributes"));
    await checkpoints.restore(record, { id: "one", before: request(SESSION, "before") });
    await checkpoints.diff({ from: "before", record });
    expect(context.read("c.txt")).toBe("one\ntwo\r\n$Id$\n");
    expect(existsSync(canary)).toBe(false);
  });

  it("is done once for each checkpoint before it, and tells again how it ended", async () => {
    const context = await world();
    const { record, provider } = context;
    const { checkpoints } = provider;
    expect(await checkpoints.settle(record, SESSION)).toBeUndefined();
    await checkpoints.create(record, request(SESSION, "one"));
    context.write({ "a.txt": "now\n" }, record.path);
    const call = { id: "one", before: request(SESSION, "before") };
    const done = await checkpoints.restore(record, call);
    context.write({ "a.txt": "later\n" }, record.path);
    expect(await checkpoints.settle(record, SESSION)).toEqual(done);
    expect(await checkpoints.restore(record, call)).toEqual(done);
    expect(context.read("a.txt")).toBe("later\n");
    await checkpoints.remove(["before"]);
    expect(await checkpoints.settle(record, SESSION)).toBeUndefined();
  });

  it("keeps ignored files, and takes those in the way into what is replaced", async () => {
    const context = await world();
    const { record, provider } = context;
    const { checkpoints } = provider;
    context.write({ "place/file": "then\n" }, record.path);
    await checkpoints.create(record, request(SESSION, "one"));
    rmSync(join(record.path, "place"), { recursive: true });
    context.write({ ".gitignore": "ignored*\nplace\n", place: "precious\n", "ignored-dir/x": "stays\n" }, record.path);
    await checkpoints.restore(record, { id: "one", before: request(SESSION, "before") });
    expect([context.read("place/file"), context.read("ignored-dir/x")]).toEqual(["then\n", "stays\n"]);
    await checkpoints.restore(record, { id: "before", before: request(SESSION, "again") });
    expect([context.read("place"), context.read("ignored-dir/x")]).toEqual(["precious\n", "stays\n"]);
  });

  it("never enters a nested repository: one in the way refuses, with nothing changed", async () => {
    const context = await world();
    const { record, provider } = context;
    const { checkpoints } = provider;
    context.write({ "place/file": "then\n" }, record.path);
    await checkpoints.create(record, request(SESSION, "one"));
    rmSync(join(record.path, "place"), { recursive: true });
    mkdirSync(join(record.path, "place"));
    context.git(["init", "--quiet"], join(record.path, "place"));
    context.write({ "place/file": "its own\n", "a.txt": "now\n" }, record.path);
    const two = await checkpoints.create(record, request(SESSION, "two"));
    expect(two.skipped).toEqual(["place/"]);
    const restoring = checkpoints.restore(record, { id: "one", before: request(SESSION) });
    await expect(restoring).rejects.toEqual(errorWith("checkpoint.refused"));
    expect([context.read("place/file"), context.read("a.txt")]).toEqual(["its own\n", "now\n"]);
    expect(context.status()).toBe(" M a.txt\n?? place/\n");
  });

  it("notices who writes meanwhile, and changes nothing", async () => {
    const context = await world();
    const { record, provider } = context;
    await provider.checkpoints.create(record, request(SESSION, "one"));
    context.write({ "a.txt": "now\n" }, record.path);
    let isWritten = false;
    const fileSystem = wrappedFileSystem((name, call) => {
      if (name === "claim" && !isWritten) {
        isWritten = true;
        writeFileSync(join(record.path, "b.txt"), "the agent's\n");
      }
      return call();
    });
    const { checkpoints } = context.providerWith({ fileSystem });
    const restoring = checkpoints.restore(record, { id: "one", before: request(SESSION) });
    await expect(restoring).rejects.toEqual(errorWith("checkpoint.refused"));
    expect(isWritten).toBe(true);
    expect([context.read("a.txt"), context.read("b.txt"), context.status()]).toEqual([
      "now\n",
      "the agent's\n",
      " M a.txt\n M b.txt\n",
    ]);
  });

  it("leaves a foreign branch that has moved on, and says so", async () => {
    const context = await world();
    const { record, provider } = context;
    const { checkpoints } = provider;
    context.git(["switch", "--quiet", "--create", "mine"], record.path);
    const head = context.git(["rev-parse", "HEAD"], record.path);
    await checkpoints.create(record, request(SESSION, "one"));
    context.git(["commit", "--quiet", "--allow-empty", "-m", "On"], record.path);
    const tip = context.git(["rev-parse", "mine"]);
    const { notices } = await checkpoints.restore(record, { id: "one", before: request(SESSION, "before") });
    expect(notices).toEqual([expect.stringContaining("the branch mine was moved meanwhile")]);
    expect([context.git(["rev-parse", "HEAD"], record.path), context.git(["rev-parse", "mine"])]).toEqual([head, tip]);
    expect((await checkpoints.restore(record, { id: "before", before: request(SESSION) })).notices).toEqual([]);
    expect(context.git(["symbolic-ref", "HEAD"], record.path)).toBe("refs/heads/mine\n");
  });

  it("keeps commits of the session's branch that were not checked out, and says where", async () => {
    const context = await world();
    const { checkpoints } = context.provider;
    const { record } = context;
    await checkpoints.create(record, request(SESSION, "one"));
    context.git(["commit", "--quiet", "--allow-empty", "-m", "On"], record.path);
    context.git(["switch", "--quiet", "--create", "other", "HEAD~1"], record.path);
    const { notices } = await checkpoints.restore(record, { id: "one", before: request(SESSION, "before") });
    expect(notices).toEqual([expect.stringContaining("clauderon/fix-replaced")]);
    expect(context.git(["log", "-1", "--format=%s", "clauderon/fix-replaced"])).toBe("On\n");
    expect(context.git(["symbolic-ref", "HEAD"], record.path)).toBe("refs/heads/clauderon/fix\n");
  });

  it("refuses on a full disk, with nothing changed and nothing left", async () => {
    const context = await world();
    const { record } = context;
    await context.provider.checkpoints.create(record, request(SESSION, "one"));
    context.write({ "a.txt": "now\n" }, record.path);
    const full = (): never => {
      throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    };
    const fileSystem = wrappedFileSystem((name, call) =>
      ["replaceDurably", "makeDirectory", "writeText", "claim"].includes(name) ? Promise.resolve().then(full) : call(),
    );
    const { checkpoints } = context.providerWith({ fileSystem });
    for (const work of [
      () => checkpoints.create(record, request(SESSION, "two")),
      () => checkpoints.restore(record, { id: "one", before: request(SESSION, "before") }),
    ])
      await expect(work()).rejects.toMatchObject({ fix: ["free space on the disk and try again"] });
    expect(context.status()).toBe(" M a.txt\n");
    expect((await context.provider.checkpoints.list()).map(({ id }) => id)).toEqual(["one"]);
    const runner = watchedRunner((args) => {
      if (args.includes("checkout-index")) full();
    });
    const cut = context.providerWith({ runner }).checkpoints;
    await expect(cut.restore(record, { id: "one", before: request(SESSION) })).rejects.toMatchObject({
      fix: ["free space on the disk and try again"],
    });
    expect((await context.provider.checkpoints.list()).map(({ id }) => id)).toEqual(["one"]);
    expect(context.status()).toBe(" M a.txt\n");
  });

  it("refuses a file that cannot be read", { skip: process.getuid?.() === 0 }, async () => {
    const context = await world();
    const { record, provider } = context;
    context.write({ secret: "x" }, record.path);
    chmodSync(join(record.path, "secret"), 0);
    const making = provider.checkpoints.create(record, request(SESSION));
    await expect(making).rejects.toEqual(errorWith("checkpoint.refused"));
  });
});
