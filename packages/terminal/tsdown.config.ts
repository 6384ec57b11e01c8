import { bundledProgram, library } from "../../tsdown.shared.ts";

export default [
  library({ index: "src/index.ts", testing: "src/testing/index.ts" }),
  bundledProgram("src/session-host-main.ts", ["@lydell/node-pty"]),
];
