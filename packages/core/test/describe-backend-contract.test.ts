import { expect, test } from "vitest";

import { createFakeBackend, describeBackendContract, runBackendContract } from "../src/testing/index.ts";
import { mutants } from "./mutants/index.ts";

const reversing = mutants.find(({ fails }) => fails.includes("files:list:sorted"));
const breaks = reversing?.breaks();

// A known failure is a test that must fail: this suite is green because the mutant is broken.
describeBackendContract({
  name: "a backend with a known failure",
  create: (context) => {
    const good = createFakeBackend({ context, shape: "host" });
    return breaks?.(good, context) ?? good;
  },
  only: ["files:list:sorted", "files:list:empty"],
  knownFailures: [{ id: "files:list:sorted", reason: "it reverses", issue: "none" }],
});

describeBackendContract({
  name: "a backend without its engine",
  create: () => {
    throw new Error("must not be called");
  },
  unavailable: "the engine is not installed",
});

test("an absent power counts as unsupported once it was seen to be refused", async () => {
  const results = await runBackendContract({
    name: "fake",
    create: (context) => createFakeBackend({ context, shape: "host" }),
    only: ["power:image:create", "terminal:screen:now", "create:name:foreign", "doctor:usable"],
  });
  expect(Object.fromEntries(results.map(({ id, status }) => [id, status]))).toEqual({
    "power:image:create": "unsupported",
    "terminal:screen:now": "unsupported",
    "create:name:foreign": "unsupported",
    "doctor:usable": "passed",
  });
});

test("an id that does not exist is refused", async () => {
  const create = (): never => {
    throw new Error("must not be called");
  };
  await expect(runBackendContract({ name: "fake", create, only: ["exec:exit:12"] })).rejects.toThrow("exec:exit:12");
});

test("a backend that cannot be made fails the run", async () => {
  const create = (): never => {
    throw new Error("no engine");
  };
  await expect(runBackendContract({ name: "fake", create, only: ["doctor:usable"] })).rejects.toThrow("no engine");
});
