/** Loaded before the proxy's program: every name leads to this machine, whatever the names of the network are. */
import callbacks from "node:dns";
import dns from "node:dns/promises";
import { syncBuiltinESMExports } from "node:module";

const place = { address: "127.0.0.1", family: 4 };
type Done = (error: null, address: unknown, family?: number) => void;

Object.assign(dns, { lookup: async () => [place] });
Object.assign(callbacks, {
  lookup: (_host: string, options: { readonly all?: boolean } | undefined, done: Done): void => {
    if (options?.all === true) done(null, [place]);
    else done(null, place.address, place.family);
  },
});
syncBuiltinESMExports();
