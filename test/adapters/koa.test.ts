import { describe, test } from "vitest";

import { adapterContract } from "../../src/testing/index.ts";
import { KOAS, koaSubject } from "./support/koa-subject.ts";

for (const version of Object.keys(KOAS)) {
  for (const answerer of ["own", "Koa"] as const)
    adapterContract({ test, describe }, koaSubject(version, answerer));
}
