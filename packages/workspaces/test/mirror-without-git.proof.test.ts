import { makeMirrorsWithoutGit } from "./git-fixture.ts";

// The suites of mirrors once more, with those of isomorphic-git: sessions, their worktrees and what is compared with are git's.
makeMirrorsWithoutGit();
await import("./mirror.test.ts");
await import("./mirror-changes.test.ts");
await import("./mirror-property.test.ts");
