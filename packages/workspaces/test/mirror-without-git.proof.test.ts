import { mirrorOptions } from "./git-fixture.ts";

// The suites of mirrors once more, with those of isomorphic-git: sessions, their worktrees and what is compared with are git's.
mirrorOptions.areWithoutGit = true;
await import("./mirror.test.ts");
if (process.env["CLAUDERON_DEEP"] === "1") {
  await import("./mirror-changes.test.ts");
  await import("./mirror-property.test.ts");
}
