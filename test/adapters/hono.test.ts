import { describe, test } from "vitest";
import { adapterContract } from "../../src/testing/index.ts";
import { directSubject, NEWEST, OLDEST, servedSubject } from "./support/hono-subject.ts";

for (const version of [NEWEST, OLDEST]) {
  adapterContract({ test, describe }, directSubject(version));
  adapterContract({ test, describe }, servedSubject(version));
}
