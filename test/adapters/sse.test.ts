import { describe, test } from "vitest";
import { liveContract } from "../../src/testing/index.ts";
import { SSE_SERVERS, sseSubject } from "./support/sse-subject.ts";

for (const server of SSE_SERVERS) liveContract({ test, describe }, sseSubject(server));
