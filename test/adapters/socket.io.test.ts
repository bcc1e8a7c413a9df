import { describe, test } from "vitest";
import { liveContract } from "../../src/testing/index.ts";
import { SOCKET_IO, socketIoSubject, type SocketIoVersion } from "./support/socket.io-subject.ts";

for (const version of Object.keys(SOCKET_IO) as SocketIoVersion[]) {
  for (const transport of ["polling", "websocket", "polling, then websocket"] as const)
    liveContract({ test, describe }, socketIoSubject(version, transport));
}
