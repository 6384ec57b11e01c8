import { expect, it } from "vitest";

import { refuseOldGit } from "./refuse-old-git.ts";

it.each(["git version 2.38.9", "git version 2.9.5\n", "git version 1.99.0"])("%j is too old", (answer) => {
  expect(() => refuseOldGit(answer)).toThrow(
    expect.objectContaining({ code: "command.not-found", message: expect.stringContaining("2.39 or newer") }),
  );
});

it.each(["git version 2.39.0", "git version 2.50.1 (Apple Git-155)", "git version 3.0.0", "something else"])(
  "%j is not",
  (answer) => {
    expect(() => refuseOldGit(answer)).not.toThrow();
  },
);
