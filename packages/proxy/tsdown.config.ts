import { bundledProgram, library } from "../../tsdown.shared.ts";

export default [
  library({ index: "src/index.ts", client: "src/client.ts" }),
  bundledProgram("src/process/proxy-main.ts", []),
];
