import { application } from "../../tsdown.shared.ts";

export default application({ main: "src/main.ts" });
