import { describe, test } from "vitest";
import { liveContract } from "../../src/testing/index.ts";
import { WS, type WsVersion, wsSubject } from "./support/ws-subject.ts";

for (const version of Object.keys(WS) as WsVersion[]) {
  for (const mode of ["on a server", "by hand"] as const)
    liveContract({ test, describe }, wsSubject(version, mode));
}
