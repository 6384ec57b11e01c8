import { application } from "../../tsdown.shared.ts";

export default application({ index: "src/index.ts", main: "src/main.ts" });
