import { bundledProgram, library } from "../../tsdown.shared.ts";

export default [library({ index: "src/index.ts" }), bundledProgram("src/process/proxy-main.ts", [])];
