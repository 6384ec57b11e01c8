import { library } from "../../tsdown.shared.ts";

export default library({
  index: "src/index.ts",
  "isomorphic-main": "src/repository/isomorphic/isomorphic-main.ts",
});
