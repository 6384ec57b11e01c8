import { describe, expect, it } from "vitest";

import { errorWith } from "./git-fixture.ts";
import { privateSession, type PrivateSession, whyNoMounts } from "./private-fixture.ts";
import { resultsOf } from "./result-world.ts";

if (whyNoMounts !== undefined) process.stdout.write(`${whyNoMounts}\n`);

async function commitInside({ sandbox }: PrivateSession, name: string): Promise<void> {
  await sandbox.run(["sh", "-ec", 'echo "$1" >> "$1"; git add -- "$1"; git commit -q -m "$1"', "commit", name]);
}

describe.skipIf(whyNoMounts !== undefined)("the work of a private workspace", () => {
  it("is merged into the user's branch, and taken back", async () => {
    const session = await privateSession();
    const user = resultsOf(session.world, session.record);
    await commitInside(session, "work.txt");
    await session.sync();
    const before = user.tip();
    expect(await user.merge()).toMatchObject({ isUpToDate: false });
    expect(user.read("work.txt")).toBe("work.txt\n");
    expect(user.status()).toBe("");
    await user.takeBack();
    expect(user.tip()).toBe(before);
    await commitInside(session, "more.txt");
    await session.sync();
    await user.merge({}, "1f0e5c1a-6c3d-4a52-9d0e-6a9e3a1f7d11");
    expect(user.read("more.txt")).toBe("more.txt\n");
  }, 120_000);

  it("is applied to the user's files: committed on another branch, staged, changed and new", async () => {
    const session = await privateSession();
    const user = resultsOf(session.world, session.record);
    await session.sandbox.git(["switch", "--quiet", "-c", "other"]);
    await commitInside(session, "work.txt");
    await session.sandbox.run([
      "sh",
      "-ec",
      "echo staged > s.txt; git add s.txt; echo more >> s.txt; echo x >> a.txt; echo new > new.txt",
    ]);
    await session.sync();
    await user.apply();
    expect(user.status()).toBe(" M a.txt\n?? new.txt\n?? s.txt\n?? work.txt\n");
    expect(user.read("s.txt")).toBe("staged\nmore\n");
    await user.takeBack();
    expect(user.status()).toBe("");
  }, 120_000);

  it("conflicts are told before anything is changed", async () => {
    const session = await privateSession();
    const user = resultsOf(session.world, session.record);
    await commitInside(session, "a.txt");
    await session.sync();
    session.world.write({ "a.txt": "mine\n" });
    session.world.git(["commit", "--quiet", "-a", "-m", "Mine"]);
    const tip = user.tip();
    await expect(user.merge()).rejects.toEqual(errorWith("merge.conflict"));
    expect(user.tip()).toBe(tip);
    expect(user.status()).toBe("");
  }, 120_000);
});
