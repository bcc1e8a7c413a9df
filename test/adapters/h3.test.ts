import { describe, test } from "vitest";
import { adapterContract } from "../../src/testing/index.ts";
import { FIRST, h3Subject1, h3Subject2, SECOND } from "./support/h3-subject.ts";

for (const version of Object.keys(FIRST)) {
  adapterContract({ test, describe }, h3Subject1(version, "node"));
  adapterContract({ test, describe }, h3Subject1(version, "web"));
}

for (const version of Object.keys(SECOND)) {
  for (const errors of ["text", "Response"] as const) {
    adapterContract({ test, describe }, h3Subject2(version, "node", errors));
    adapterContract({ test, describe }, h3Subject2(version, "web", errors));
  }
}
