import { expect, test } from "vitest";

import { contractBodyIds, requirements } from "../src/testing/index.ts";

test("every requirement has a body", () => {
  const bodies = new Set(contractBodyIds);
  expect(Object.keys(requirements).filter((id) => !bodies.has(id))).toEqual([]);
});

test("every body belongs to a requirement, and no two have one id", () => {
  expect(contractBodyIds.filter((id) => !(id in requirements))).toEqual([]);
  expect(new Set(contractBodyIds).size).toBe(contractBodyIds.length);
});

test("there are at least 80, each with a behaviour of its own", () => {
  const behaviors = Object.values(requirements).map(({ behavior }) => behavior);
  expect(behaviors.length).toBeGreaterThanOrEqual(80);
  expect(behaviors.filter((behavior) => behavior.trim() === "" || behavior.endsWith("."))).toEqual([]);
});
