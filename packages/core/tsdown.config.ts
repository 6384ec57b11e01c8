import { library } from "../../tsdown.shared.ts";

export default library({
  index: "src/index.ts",
  contract: "src/contract/index.ts",
  client: "src/client/index.ts",
  host: "src/host/index.ts",
  "host-processes": "src/host/processes/index.ts",
  "command-helper-main": "src/host/command-helper/command-helper-main.ts",
  "keeper-main": "src/host/keeper/keeper-main.ts",
  wire: "src/wire/index.ts",
  testing: "src/testing/index.ts",
  "fake-agent-main": "src/testing/fake/fake-agent-main.ts",
});
