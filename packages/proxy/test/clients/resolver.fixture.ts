/** Loaded before the proxy's program: every name leads to this machine, whatever the names of the network are. */
import dns from "node:dns/promises";
import { syncBuiltinESMExports } from "node:module";

Object.assign(dns, { lookup: async () => [{ address: "127.0.0.1", family: 4 }] });
syncBuiltinESMExports();
