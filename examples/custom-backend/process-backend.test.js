// @ts-check
import { SettingsError } from "@clauderon/core/contract";
import { createHostContext } from "@clauderon/core/host";
import { describeBackendContract } from "@clauderon/core/testing";
import { expect, test } from "vitest";

import { createBackend } from "./process-backend.js";

describeBackendContract({
  name: "processes",
  create: (context) => createBackend(context, {}),
});

test("unknown and ill-typed settings are refused", () => {
  const context = createHostContext({ homeDirectory: "/nowhere", instanceId: "one" });
  expect(() => createBackend(context, { colour: "red" })).toThrow(SettingsError);
  expect(() => createBackend(context, { kept_output_bytes: "much" })).toThrow(SettingsError);
  expect(createBackend(context, { kept_output_bytes: 1024 }).backendId).toBe("processes");
});
