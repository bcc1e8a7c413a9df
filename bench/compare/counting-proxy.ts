import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What went over the wire. */
export interface Traffic {
  /** How often a client sent something and then got something: each is a wait for the network. */
  readonly roundTrips: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** Stands between a client and an engine on this machine and counts; it changes nothing. */
export class CountingProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  readonly #counts: { roundTrips: number; bytesSent: number; bytesReceived: number };

  private constructor(server: Server, sockets: Set<Socket>, counts: CountingProxy["traffic"]) {
    this.#server = server;
    this.#sockets = sockets;
    this.#counts = counts;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(enginePort: number): Promise<CountingProxy> {
    const sockets = new Set<Socket>();
    const counts = { roundTrips: 0, bytesSent: 0, bytesReceived: 0 };
    const server = createServer((client) => {
      const engine = connect(enginePort, "127.0.0.1");
      let isAsked = false;
      client.on("data", (bytes: Buffer) => {
        counts.bytesSent += bytes.length;
        isAsked = true;
        engine.write(bytes);
      });
      engine.on("data", (bytes: Buffer) => {
        counts.bytesReceived += bytes.length;
        // An answer in pieces is one answer.
        if (isAsked) counts.roundTrips += 1;
        isAsked = false;
        client.write(bytes);
      });
      for (const socket of [client, engine]) {
        sockets.add(socket);
        socket.setNoDelay(true);
        socket.on("error", () => {});
        socket.on("close", () => {
          sockets.delete(socket);
          client.destroy();
          engine.destroy();
        });
      }
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new CountingProxy(server, sockets, counts);
  }

  /** Everything since the start. */
  get traffic(): Traffic & { roundTrips: number; bytesSent: number; bytesReceived: number } {
    return { ...this.#counts };
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }
}
