import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { knownSecrets } from "@clauderon/proxy";

/** No variable of whoever runs the tests holds a credential. */
export const noCredentials: Readonly<Record<string, string>> = Object.fromEntries(
  knownSecrets.flatMap(({ variables }) => variables.map((name) => [name, ""])),
);

/** A vendor on loopback that takes one key. */
export class Vendor implements AsyncDisposable {
  readonly seen: IncomingHttpHeaders[] = [];
  readonly #server: Server;

  private constructor(key: string) {
    this.#server = createServer((request, response) => {
      this.seen.push(request.headers);
      response.statusCode = request.headers["x-api-key"] === key ? 200 : 401;
      response.end('{"data":[]}');
    });
  }

  static async start(key: string): Promise<Vendor> {
    const vendor = new Vendor(key);
    vendor.#server.listen(0, "127.0.0.1");
    await once(vendor.#server, "listening");
    return vendor;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
